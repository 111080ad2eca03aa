"""Asking the priors: the narrowest group that speaks of a field, else the published law."""

from __future__ import annotations

from tool.priors.compute import GroupKey
from tool.priors.laws import adapter_kind, law, objective_kind
from tool.schema.base import Adapter, Objective, SizeBucket
from tool.schema.priors import PriorAnswer, PriorField, PriorFieldName, Priors
from tool.schema.recipe import RecipeTask


def lookup(
    priors: Priors,
    task_type: RecipeTask | str | None,
    objective: Objective,
    size_bucket: SizeBucket | None,
    adapter: Adapter,
    field: PriorFieldName,
) -> PriorAnswer:
    """The prior of a field for one kind of request. `low` and `high` always enclose the value."""
    widest = GroupKey(objective_kind(objective), adapter_kind(adapter))
    key: GroupKey | None = widest
    if size_bucket is not None:
        key = widest._replace(size_bucket=size_bucket)
        if task_type is not None:
            key = key._replace(task_type=task_type)  # type: ignore[arg-type]
    while key is not None:
        found = priors.index.get((*key, field))
        if found is not None:
            return _answer(key, found)
        key = key.wider()
    published = law(field, widest.objective, widest.adapter)
    return PriorAnswer(
        value=published.value, low=None, high=None, n=0, repositories=0, group="law", source=published.source
    )


def _answer(key: GroupKey, found: PriorField) -> PriorAnswer:
    low, high = found.low, found.high
    if low is not None and high is not None and isinstance(found.value, float):
        low, high = min(low, found.value), max(high, found.value)
    name = "/".join(part for part in (key.task_type, key.objective, key.size_bucket, key.adapter) if part)
    return PriorAnswer(
        value=found.value,
        low=low,
        high=high,
        n=found.n,
        repositories=found.repositories,
        group=name,
        source=f"{found.n} choices of {found.repositories} repositories (registry/recipes, group {name})",
    )
