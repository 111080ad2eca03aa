"""Contract of the telemetry: a notebook writes one event when a run starts and one when it ends, and `ftc recommend
--log` writes one for each answer.

No dataset content, no user names, no paths: a configuration, the card it met, and how it ended (design, section 7).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from tool.schema.base import Record

SCHEMA_VERSION = 1

RunId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
Outcome = Literal["success", "oom", "diverged", "error", "cancelled"]
Scalar = bool | int | float | Annotated[str, StringConstraints(max_length=200)] | None
ConfigValue = Scalar | list[Scalar]


def _in_utc(value: datetime) -> datetime:
    """Refuse a time without an offset or with another one than UTC."""
    offset = value.utcoffset()
    if offset is None or offset.total_seconds() != 0:
        raise ValueError("must be a time in UTC, such as 2026-11-24T12:00:00Z")
    return value


def _without_paths(value: dict[str, ConfigValue]) -> dict[str, ConfigValue]:
    """Refuse values that look like a path of somebody's computer."""
    for key, item in value.items():
        if isinstance(item, str) and (item.startswith(("/", "~", "\\", ".")) or item[1:3] == ":\\"):
            raise ValueError(f"{key} looks like a path; events carry none")
    return value


class Hardware(Record):
    """The cards that a run found. `usable_gib` is what the driver showed free per card (GiB); gpu null is a CPU."""

    gpu: Annotated[str, StringConstraints(max_length=100)] | None
    count: int = Field(ge=0, le=100_000)
    usable_gib: float | None = Field(default=None, gt=0, le=100_000)
    compute_capability: Annotated[str, StringConstraints(pattern=r"^\d+\.\d+$")] | None = None


class RunEvent(Record):
    """What both events say: which answer was run, with which configuration in the end, on what.

    `dry_run` marks a rehearsal with a stand-in model: it proves that the notebook works and says nothing of the answer.
    """

    schema_version: Literal[1]
    run_id: RunId
    at: Annotated[datetime, AfterValidator(_in_utc)]
    dry_run: bool = False
    request: dict[str, Any]
    engine: str | None
    slot: str | None
    config: Annotated[dict[str, ConfigValue], AfterValidator(_without_paths)]
    hardware: Hardware


class RunStart(RunEvent):
    """Written before the first step."""

    event: Literal["run_start"]


class RunComplete(RunEvent):
    """Written once a run ended, however it ended. Memory is the peak of the worst rank, in GiB."""

    event: Literal["run_complete"]
    outcome: Outcome
    peak_allocated_gib: float | None = Field(ge=0, le=100_000)
    peak_reserved_gib: float | None = Field(ge=0, le=100_000)
    wall_time_seconds: float = Field(ge=0, le=1e9)
    tokens_per_second: float | None = Field(ge=0, le=1e12)
    first_loss: float | None
    final_loss: float | None
    steps: int = Field(ge=0, le=10_000_000_000)


class RecommendationGiven(Record):
    """Written by `ftc recommend --log`: one answer, so that confidence and risk by slot can be followed.

    `event_id` and `at` came later than the first logs; without an id an event is known by its content.
    """

    event: Literal["recommendation"]
    schema_version: Literal[1]
    event_id: RunId | None = None
    at: Annotated[datetime, AfterValidator(_in_utc)] | None = None
    request: dict[str, Any]
    engine: str | None
    slot: str | None
    strategy: Annotated[str, StringConstraints(max_length=40)]
    config: Annotated[dict[str, ConfigValue], AfterValidator(_without_paths)]
    confidence: float = Field(ge=0, le=1)
    constrained_safe: bool
    verdict: Literal["fits", "tight", "oom", "abstain"] | None = None
