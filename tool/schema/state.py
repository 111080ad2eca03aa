"""Contract of `registry/engines/state.yaml` and `registry/engines/events/NNNN.yaml` (design, section 6).

The order of the fields is the order of the canonical bytes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field

from tool.schema.base import Record
from tool.schema.engine import Digest, Version

Stage = Literal["candidate", "staging", "canary", "production", "deprecated", "rejected"]
# `hold` is no stage: an event from a stage to `hold` puts a hold on the version, one from `hold` releases it.
Place = Literal["none", "candidate", "staging", "canary", "production", "deprecated", "rejected", "hold"]
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def parse_time(text: str) -> datetime:
    """A moment in UTC, to the second, from `2026-11-20T00:00:00Z`. Raises ValueError for any other form."""
    moment = datetime.strptime(text, TIME_FORMAT).replace(tzinfo=UTC)
    if moment.strftime(TIME_FORMAT) != text:
        raise ValueError(f"write the time as 2026-11-20T00:00:00Z, not {text!r}")
    return moment


def _time(text: str) -> str:
    parse_time(text)
    return text


Time = Annotated[str, AfterValidator(_time)]
Fraction = Annotated[float, Field(ge=0, lt=1)]


class Canary(Record):
    """The engine on trial. `fraction` is its share of keys, `since` the start of that very fraction."""

    version: Version
    fraction: Fraction
    salt: str
    since: Time


class State(Record):
    """What is live. `generation` is the number of the last event: compare-and-swap."""

    generation: int = Field(ge=0)
    stages: dict[Version, Stage]
    canary: Canary | None
    holds: tuple[Version, ...]

    @property
    def production(self) -> str | None:
        """The live version; None before any engine is live."""
        return next((version for version, stage in self.stages.items() if stage == "production"), None)

    def stage(self, version: str) -> Stage:
        """The version's stage. An engine that no event has moved yet is a candidate."""
        return self.stages.get(version, "candidate")


class Event(Record):
    """One entry of the history. `prev_digest` is the sha256 of the bytes of the entry before it."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, validate_by_name=True, validate_by_alias=True
    )

    version: Version | None
    from_: Place = Field(alias="from")
    to: Place
    fraction: Fraction | None
    expect_generation: int | None = Field(ge=0)
    evidence_digest: Digest | None
    policy_digest: Digest | None
    prev_digest: Digest | None
    actor: str = Field(min_length=1, max_length=200)
    reason: str = Field(min_length=1, max_length=2000)
    at: Time
