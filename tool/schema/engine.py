"""Contract of `registry/engines/<version>/engine.yaml`: one immutable version of the recommender."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from tool.schema.base import Record

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Version = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*$", max_length=64)]


class Artifact(Record):
    """One file of an engine. `path` is relative to the engine's folder; `sha256` is over the file's bytes, in hex."""

    path: str
    sha256: Digest


class TrainedOn(Record):
    """What the engine was fitted to, so that anyone can fit it again."""

    recipes_digest: str
    telemetry_digest: str | None = None
    rows: int = Field(ge=0)
    tool_version: str
    lock_digest: str | None = None
    seed: int


class EvaluationLink(Record):
    """The report that came with the engine. `report` is relative to the repository root; `digest` is sha256 in hex."""

    report: str
    digest: Digest


class Engine(Record):
    """One engine: its artifacts by role, what they were fitted to, and the report that judged them."""

    artifacts: dict[str, Artifact] = Field(min_length=1)
    trained_on: TrainedOn
    evaluation: EvaluationLink | None = None
    notes: str | None = None
