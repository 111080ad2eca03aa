"""What a notebook needs to know besides the recommendation itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tool.schema.base import Adapter, ModelKind, Objective
from tool.schema.dependency import Stack
from tool.schema.task import Task

UpperBound = tuple[int, int, float]
"""(sequences per GPU, tokens per sequence, upper bound of the memory needed per GPU in GiB)."""


@dataclass(frozen=True)
class NotebookContext:
    """The names and facts around one recommendation.

    `provenance` maps a label to a digest or version and is printed in the head. `upper_bounds` prices this very
    configuration at other batch sizes and lengths, so that the notebook can shrink to the card that it finds.
    `parameters` is the model's parameter count, `gpus` the number of cards the configuration was sized for,
    `hours_per_thousand_rows` the hours that one pass over 1,000 rows takes on them (None where their speed is unknown),
    `runtime_limit_hours` when the place ends a session (None where it does not, or nothing says so).
    """

    model_id: str
    task: Task
    platform_title: str | None = None
    card_title: str | None = None
    gpus: int = 1
    stack: Stack | None = None
    provenance: Mapping[str, str] = field(default_factory=dict)
    upper_bounds: tuple[UpperBound, ...] = ()
    objective: Objective | None = None
    adapter: Adapter | None = None
    model_kind: ModelKind | None = None
    parameters: int | None = None
    colab_url: str | None = None
    hours_per_thousand_rows: float | None = None
    runtime_limit_hours: float | None = None
