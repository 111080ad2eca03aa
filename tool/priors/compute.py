"""Recipes → priors by group, each group drawn towards the next wider one (law → objective × adapter → size → task)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from tool.priors.laws import adapter_kind, law, objective_kind
from tool.priors.statistics import Choice, Weighted, consensus, quantile, shrunk_median, shrunk_mode, weigh
from tool.rounding import significant
from tool.schema.base import SizeBucket
from tool.schema.priors import AdapterKind, ObjectiveKind, PriorField, PriorFieldName, PriorGroup, Priors
from tool.schema.recipe import Recipe, RecipeTask

POSITIVE_FIELDS: tuple[PriorFieldName, ...] = (
    "learning_rate",
    "effective_batch_size",
    "lora_r",
    "lora_alpha_ratio",
    "num_train_epochs",
    "max_length",
)
PLAIN_FIELDS: tuple[PriorFieldName, ...] = ("warmup_ratio", "weight_decay", "max_grad_norm", "lora_dropout")
NAMED_FIELDS: tuple[PriorFieldName, ...] = ("lr_scheduler_type", "optim")
FIELDS: tuple[PriorFieldName, ...] = POSITIVE_FIELDS + PLAIN_FIELDS + NAMED_FIELDS
LORA_FIELDS = ("lora_r", "lora_alpha_ratio", "lora_dropout")
MIN_REPOSITORIES = 2
"""A group narrower than objective × adapter needs this many independent voices to be a group at all."""
# Muon's and Lion's learning rates are on scales of their own (ten times higher, ten times lower than AdamW's).
_OTHER_SCALES = ("muon", "lion", "adafactor", "sgd")


class GroupKey(NamedTuple):
    """A group; None stands for all. Sorts widest first within one objective and adapter."""

    objective: ObjectiveKind
    adapter: AdapterKind
    size_bucket: SizeBucket | None = None
    task_type: RecipeTask | None = None

    def wider(self) -> GroupKey | None:
        """The next wider group; None for objective × adapter, beyond which stands the law."""
        if self.task_type is not None:
            return self._replace(task_type=None)
        return self._replace(size_bucket=None) if self.size_bucket is not None else None


def _ratio(recipe: Recipe) -> float | None:
    """alpha / r, the scale of the update; rsLoRA divides by √r instead, so its alphas are not comparable."""
    if recipe.use_rslora:
        return None
    return recipe.lora_alpha / recipe.lora_r if recipe.lora_alpha and recipe.lora_r else None


def _warmup(recipe: Recipe) -> float | None:
    if recipe.warmup_ratio is not None:
        return recipe.warmup_ratio
    if recipe.warmup_steps is not None and recipe.max_steps:
        return min(1.0, recipe.warmup_steps / recipe.max_steps)
    return 0.0 if recipe.warmup_steps == 0 else None


def _rate(recipe: Recipe) -> float | None:
    other = recipe.optim is not None and any(word in recipe.optim for word in _OTHER_SCALES)
    return None if other else recipe.learning_rate


_READ: dict[str, Callable[[Recipe], float | str | None]] = {
    "learning_rate": _rate,
    "lora_alpha_ratio": _ratio,
    "warmup_ratio": _warmup,
}


def value_of(recipe: Recipe, field: PriorFieldName) -> float | str | None:
    """A recipe's choice for a field of the priors; None where it made none."""
    read = _READ.get(field)
    value = read(recipe) if read else getattr(recipe, field)
    return float(value) if isinstance(value, int) else value


def compute_priors(recipes: Iterable[Recipe], digest: str = "") -> Priors:
    """Priors of all groups. Trial runs (`is_trial`) have no say."""
    kept = [recipe for recipe in recipes if not recipe.is_trial]
    choices: dict[GroupKey, dict[PriorFieldName, list[Choice]]] = {}
    for recipe in kept:
        for field in FIELDS:
            value = value_of(recipe, field)
            if value is None or (field in POSITIVE_FIELDS and not value):
                continue
            choice = Choice(recipe.source.repo, recipe.model or recipe.id, value)
            for key in _keys(recipe):
                choices.setdefault(key, {}).setdefault(field, []).append(choice)
    groups: dict[GroupKey, dict[PriorFieldName, PriorField]] = {}
    for key in sorted(choices, key=_width):
        fields = _fields(key, choices[key], groups)
        if fields:
            groups[key] = fields
    return Priors(
        digest=digest,
        recipes=len(kept),
        repositories=len({recipe.source.repo for recipe in kept}),
        groups=tuple(PriorGroup(**key._asdict(), fields=fields) for key, fields in groups.items()),
    )


def _keys(recipe: Recipe) -> Iterable[GroupKey]:
    widest = GroupKey(objective_kind(recipe.objective), adapter_kind(recipe.adapter))
    yield widest
    if recipe.size_bucket is not None:
        sized = widest._replace(size_bucket=recipe.size_bucket)
        yield sized
        if recipe.task_type != "unknown":
            yield sized._replace(task_type=recipe.task_type)


def _width(key: GroupKey) -> tuple[int, str]:
    return (sum(part is not None for part in key), "/".join(str(part) for part in key))


def _fields(
    key: GroupKey,
    choices: dict[PriorFieldName, list[Choice]],
    groups: dict[GroupKey, dict[PriorFieldName, PriorField]],
) -> dict[PriorFieldName, PriorField]:
    fields: dict[PriorFieldName, PriorField] = {}
    for field in FIELDS:
        made = choices.get(field)
        if not made or (field in LORA_FIELDS and key.adapter == "full"):
            continue
        weighted = weigh(made)
        if key.size_bucket is None or weighted.repositories >= MIN_REPOSITORIES:
            fields[field] = _prior(field, weighted, _parent(field, key, groups))
    return fields


def _parent(
    field: PriorFieldName, key: GroupKey, groups: dict[GroupKey, dict[PriorFieldName, PriorField]]
) -> float | str:
    wider = key.wider()
    while wider is not None:
        if field in groups.get(wider, {}):
            return groups[wider][field].value
        wider = wider.wider()
    return law(field, key.objective, key.adapter).value


def _prior(field: PriorFieldName, seen: Weighted, parent: float | str) -> PriorField:
    if field in NAMED_FIELDS:
        names = [str(value) for value in seen.values]
        return PriorField(value=shrunk_mode(names, seen.weights, str(parent)), n=seen.n, repositories=seen.repositories)
    values = [float(value) for value in seen.values]
    draw = consensus if field == "learning_rate" else shrunk_median
    centre = draw(values, seen.weights, float(parent))
    low, median, high = (quantile(values, seen.weights, share) for share in (0.25, 0.5, 0.75))
    return PriorField(
        value=significant(centre),
        median=significant(median),
        low=significant(low),
        high=significant(high),
        n=seen.n,
        repositories=seen.repositories,
    )
