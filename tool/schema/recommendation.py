"""Contract of `ftc recommend`: a request in, a configuration with reasons out (design, section 3)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tool.schema.base import Count, SizeBucket
from tool.schema.fit import FitAnswer

Strategy = Literal["auto", "deterministic", "hybrid", "hybrid_ml"]


class RecommendRequest(BaseModel):
    """One question. Only a task (or objective) and one of model, model_config, params_b, size_bucket are needed."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, protected_namespaces=())

    id: str | int | None = None
    model: str | None = None
    model_config_: dict[str, Any] | None = Field(default=None, alias="model_config")
    params_b: float | None = Field(default=None, gt=0, le=100_000)
    size_bucket: SizeBucket | None = None
    task: str | None = None
    objective: str | None = None
    adapter: str | None = None
    gpu: str | None = None
    gpus: Count | None = Field(default=None, ge=1, le=100_000)
    platform: str | None = None
    plan: str | None = None
    dataset_rows: Count | None = Field(default=None, ge=1, le=1_000_000_000_000)
    seq_len: Count | None = Field(default=None, ge=8, le=100_000_000)
    strategy: Strategy | None = None
    engine: str | None = None
    key: str | None = None


class Reason(BaseModel):
    """Why one field has its value: the rule that decided, its source, and on how many observations it rests."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    field: str
    value: Any
    rule: str
    source: str
    n: int | None = None


class Dependencies(BaseModel):
    """The stack that the notebook installs, with its exact pins."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stack: str
    pins: dict[str, str]
    from_image: dict[str, str] = {}


class Recommendation(BaseModel):
    """The answer. `config` uses the Hugging Face, TRL and PEFT names of the design, section 2."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str | int | None = None
    engine: str | None
    slot: str | None
    strategy: str
    request: dict[str, Any]
    config: dict[str, Any]
    effective_batch_size: int
    vram: FitAnswer | None
    confidence: float
    constrained_safe: bool
    dependencies: Dependencies | None
    reasons: tuple[Reason, ...]
    warnings: tuple[str, ...] = ()
    estimated_hours: float | None = None
