"""Contract of the evidence: `evaluation/reports/<engine>/*.json`, in canonical JSON (sorted keys, two spaces, newline).

A report is named by its digest: the sha256, in hex, of the file's bytes. It binds itself to the engine, the golden set
and the gates that it was computed with; governance refuses it once one of these is another.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from tool.schema.base import Record
from tool.schema.engine import Digest, Version
from tool.schema.state import Time

Level = Literal["advisory", "soft", "hard"]
GateStatus = Literal["pass", "fail", "skip", "inconclusive", "error"]


class GateResult(Record):
    """One row of the gate table: one validation of one policy under policies/gates. `id` is `<policy>/<validation>`."""

    id: str
    level: Level
    status: GateStatus
    value: float | None = None
    threshold: float | None = None
    baseline: float | None = None
    n: int | None = Field(default=None, ge=0)
    interval: tuple[float, float] | None = None
    message: str = ""
    remedy: str = ""


class EvaluationReport(Record):
    """What `ftc evaluate` found out about one engine.

    `engine_digest` is `tool.policy.digests.engine_digest`, `golden_digest` the sha256 of
    evaluation/golden_dataset.jsonl, `ceilings_digest` that of evaluation/ceilings.yaml (null: there is none),
    `policies_digest` is `tool.policy.digests.gates_digest`. `against` is the version compared with.
    """

    format: Literal["ftc-evaluation/1"]
    engine: Version
    engine_digest: Digest
    golden_digest: Digest
    ceilings_digest: Digest | None = None
    policies_digest: Digest
    tool_version: str
    against: Version | None
    against_digest: Digest | None
    verdict: Literal["pass", "fail", "inconclusive"]
    gates: tuple[GateResult, ...] = Field(min_length=1)
    metrics: dict[str, Any] = {}
    worst: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = ()


class Comparison(Record):
    """One number of a canary verdict, both slots side by side. `evidence` is an e-value or a likelihood ratio."""

    id: str
    production: float | None
    canary: float | None
    evidence: float | None = None
    threshold: float | None = None
    status: Literal["healthy", "unhealthy", "inconclusive"]
    message: str = ""


class HealthReport(Record):
    """The verdict of telemetry on a running canary, as `ftc canary verdict` writes it.

    It counts for the very generation and fraction that it was measured at, and binds the evaluation report's digest.
    """

    format: Literal["ftc-health/1"]
    engine: Version
    engine_digest: Digest
    production: Version
    generation: int = Field(ge=0)
    fraction: float = Field(ge=0, lt=1)
    evaluation_digest: Digest | None
    telemetry_digest: Digest
    policies_digest: Digest
    tool_version: str
    runs_production: int = Field(ge=0)
    runs_canary: int = Field(ge=0)
    at: Time
    verdict: Literal["healthy", "unhealthy", "inconclusive"]
    comparisons: tuple[Comparison, ...]
