"""Hyperparameters of the deterministic strategy: medians of published recipes, and laws where these are silent."""

from __future__ import annotations

from tool.priors import Priors, lookup
from tool.recommend import laws
from tool.recommend.laws import Value
from tool.recommend.question import Question

PRIOR_FIELDS = ("learning_rate", "effective_batch_size", "lora_r", "warmup_ratio", "weight_decay", "max_grad_norm")
FEWEST_REPOSITORIES = 3


def deterministic(question: Question, adapter: str, priors: Priors | None) -> dict[str, Value]:
    """Every hyperparameter with its reason. A published median wins over a law where enough repositories agree."""
    values = law_values(question, adapter)
    if priors is not None and not question.outside:
        for field in PRIOR_FIELDS:
            found = prior_value(question, adapter, priors, field)
            if found is not None and field in values:
                values[field] = found
    return values


def law_values(question: Question, adapter: str) -> dict[str, Value]:
    """Laws and published defaults alone."""
    subject, objective, rows = question.subject, question.objective, question.request.dataset_rows
    values = dict(laws.FIXED)
    values["learning_rate"] = laws.learning_rate(objective, adapter, subject.kind, subject.parameters)
    values["num_train_epochs"] = laws.epochs(rows, objective)
    values["effective_batch_size"] = laws.effective_batch(objective, adapter, rows)
    values |= laws.OBJECTIVE_PARAMETERS.get(objective, {})
    if adapter == "full":
        for name in ("lora_dropout",):
            values.pop(name)
    else:
        rank = laws.lora_rank(objective, subject.parameters)
        values["lora_r"] = rank
    return values


def prior_value(question: Question, adapter: str, priors: Priors, field: str) -> Value | None:
    """The shrunk median of the nearest group of recipes, or None when too few repositories speak."""
    bucket = question.subject.bucket
    found = lookup(priors, question.task.id, question.objective, bucket, adapter, field)
    if found is None or found.value is None or found.repositories < FEWEST_REPOSITORIES:
        return None
    rule = f"median of published recipes, group {found.group}, {found.repositories} repositories"
    return Value(found.value, rule, "registry/recipes", found.n, found.low, found.high)
