"""Statistical priors: what careful publishers choose, by group, each figure with the evidence behind it."""

from __future__ import annotations

from functools import cached_property
from typing import Literal

from pydantic import Field

from tool.schema.base import Record, SizeBucket
from tool.schema.recipe import RecipeTask

ObjectiveKind = Literal["sft", "cpt", "preference", "grpo"]
AdapterKind = Literal["full", "lora", "qlora"]
PriorFieldName = Literal[
    "learning_rate",
    "effective_batch_size",
    "lora_r",
    "lora_alpha_ratio",
    "lora_dropout",
    "num_train_epochs",
    "max_length",
    "warmup_ratio",
    "weight_decay",
    "max_grad_norm",
    "lr_scheduler_type",
    "optim",
]


class PriorField(Record):
    """One field in one group.

    `value` is the group's consensus, drawn towards the wider group where evidence is thin; `median`, `low` and `high`
    (quartiles) are the group's own. `n` counts distinct choices (repository × model × value), `repositories` who made
    them. A named field (schedule, optimizer) has no quartiles.
    """

    value: float | str
    median: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = Field(ge=1)
    repositories: int = Field(ge=1)


class PriorGroup(Record):
    """Recipes that share objective and adapter, and size and task where these are set."""

    objective: ObjectiveKind
    adapter: AdapterKind
    size_bucket: SizeBucket | None = None
    task_type: RecipeTask | None = None
    fields: dict[PriorFieldName, PriorField]


class Priors(Record):
    """All groups, widest first. `digest` is that of the recipes and the reserved list that they were computed from."""

    digest: str
    recipes: int = Field(ge=0)
    repositories: int = Field(ge=0)
    groups: tuple[PriorGroup, ...]

    @cached_property
    def index(self) -> dict[tuple[str | None, ...], PriorField]:
        """Fields by (objective, adapter, size bucket, task, field)."""
        return {
            (group.objective, group.adapter, group.size_bucket, group.task_type, name): field
            for group in self.groups
            for name, field in group.fields.items()
        }


class PriorAnswer(Record):
    """A prior for one request: the value, the spread of careful people, and how far it rests on data.

    `group` names the narrowest group that at least two repositories speak for (`law` when no recipe does); `n` is 0
    for a law.
    """

    value: float | str
    low: float | None
    high: float | None
    n: int
    repositories: int
    group: str
    source: str
