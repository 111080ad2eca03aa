"""Contract of `ftc fit`: a configuration in, a memory forecast out (design, section 3)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tool.schema.base import Count

Verdict = Literal["fits", "tight", "oom", "abstain"]


class FitRequest(BaseModel):
    """One configuration to price. null means unknown; unknown keys describe the measurement and are ignored.

    `micro_batch` is sequences per GPU, `seq_len` tokens, `params_b` total parameters in billions.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False, protected_namespaces=())

    id: str | int | None = None
    model: str | None = None
    model_config_: dict[str, Any] | None = Field(default=None, alias="model_config")
    params_b: float | None = Field(default=None, gt=0, le=100_000)
    method: str | None = None
    objective: str | None = None
    task: str | None = None
    framework: str | None = None
    dtype: str | None = None
    quant: str | None = None
    optimizer: str | None = None
    lora_r: Count | None = Field(default=None, ge=1, le=65_536)
    lora_targets: str | list[str] | None = None
    micro_batch: Count | None = Field(default=None, ge=1, le=1_000_000)
    seq_len: Count | None = Field(default=None, ge=1, le=100_000_000)
    seq_len_kind: str | None = None
    grad_checkpointing: bool | str | None = None
    attention: str | None = None
    compile: bool | None = None
    chunked_or_fused_loss: bool | None = None
    fused_kernels: list[str] | None = None
    kbit_preparation: bool | None = None
    amp: str | None = None
    master_weights: str | bool | None = None
    adapter_dtype: str | None = None
    modules_to_save: list[str] | str | None = None
    optimizer_in_backward: bool | None = None
    activation_offload: bool | None = None
    cpu_offload: bool | str | None = None
    gpus: Count | None = Field(default=None, ge=1, le=1_000_000)
    sharding: str | None = None
    gpu: str | None = None


class FitAnswer(BaseModel):
    """Forecast for the worst rank, in GiB (2^30 bytes)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str | int | None = None
    allocated_gib: float | None
    reserved_gib: float | None
    process_gib: float | None
    upper_gib: float | None
    usable_gib: float | None
    verdict: Verdict
    peak_phase: str | None
    terms: dict[str, float]
    assumptions: tuple[str, ...] = ()
    abstained_because: str | None = None
