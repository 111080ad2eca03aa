"""Hyperparameters of the deterministic strategy: what careful publishers choose, and laws where they are silent."""

from __future__ import annotations

from typing import cast

from tool.priors import lookup
from tool.recommend import laws
from tool.recommend.laws import Value
from tool.recommend.question import Question
from tool.schema.base import Adapter, Objective
from tool.schema.priors import PriorFieldName, Priors

PRIOR_FIELDS: tuple[PriorFieldName, ...] = (
    "learning_rate",
    "effective_batch_size",
    "lora_r",
    "lora_alpha_ratio",
    "warmup_ratio",
    "weight_decay",
    "max_grad_norm",
    "lr_scheduler_type",
)
ONLY_FOR_ADAPTERS = frozenset({"lora_r", "lora_alpha_ratio"})
FEW_ROWS = 2000


def deterministic(question: Question, adapter: str, priors: Priors | None) -> dict[str, Value]:
    """Every hyperparameter with its reason. A published consensus wins over a law; the recipes are of causal models."""
    values = law_values(question, adapter)
    if priors is not None and question.subject.kind == "causal_lm":
        for field in PRIOR_FIELDS:
            if field in ONLY_FOR_ADAPTERS and adapter == "full":
                continue
            if field == "effective_batch_size" and few_rows(question):
                continue
            if field == "learning_rate" and (question.objective, adapter) in laws.OWN_RATE:
                continue
            found = prior_value(question, adapter, priors, field)
            if found is not None:
                values[field] = found
    return values


def few_rows(question: Question) -> bool:
    """With few rows the batch follows the rows: a large one would leave too few optimizer steps."""
    rows = question.request.dataset_rows
    return rows is not None and rows < FEW_ROWS


def law_values(question: Question, adapter: str) -> dict[str, Value]:
    """Laws and published defaults alone."""
    subject, objective, rows = question.subject, question.objective, question.request.dataset_rows
    values = dict(laws.FIXED)
    values["learning_rate"] = laws.learning_rate(objective, adapter, subject.kind, subject.parameters)
    values["num_train_epochs"] = laws.epochs(rows, objective)
    values["effective_batch_size"] = laws.effective_batch(objective, adapter, rows)
    values |= laws.OBJECTIVE_PARAMETERS.get(objective, {})
    if adapter == "full":
        values.pop("lora_dropout")
    else:
        values["lora_r"] = laws.lora_rank(objective, subject.parameters)
        values["lora_alpha_ratio"] = laws.ALPHA_RATIO
    return values


def prior_value(question: Question, adapter: str, priors: Priors, field: PriorFieldName) -> Value | None:
    """The consensus of the narrowest group of recipes that speaks of the field; None when only a law does."""
    bucket = question.subject.bucket
    objective, kind = cast(Objective, question.objective), cast(Adapter, adapter)
    found = lookup(priors, question.task.id, objective, bucket, kind, field)
    if found.n == 0:
        return None
    rule = f"consensus of published recipes, group {found.group}, {found.repositories} repositories"
    return Value(found.value, rule, "registry/recipes", found.n, found.low, found.high)
