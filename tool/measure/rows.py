"""A measured configuration → a row of registry/measurements, in the words of the published ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tool.oracle.request import TraceRequest
from tool.rounding import significant

GIB, MIB = 2**30, 2**20
PHASES = ("load", "forward", "backward", "optimizer")


@dataclass(frozen=True)
class Reading:
    """Bytes seen in one run. `allocated` and `reserved` are peaks by stretch ("first backward", "optimizer")."""

    allocated: Mapping[str, int]
    reserved: Mapping[str, int]
    process: int
    context: int
    oom: bool


def _request_fields(request: TraceRequest) -> dict[str, Any]:
    fused = request.optimizer == "adamw_fused"
    return {
        "model": request.model,
        "method": request.method,
        "objective": request.objective,
        "framework": "transformers+peft (tool.measure)",
        "dtype": request.dtype,
        "quant": request.quant,
        "optimizer": "adamw_torch_fused" if fused else request.optimizer,
        "lora_r": request.lora_r,
        "lora_targets": request.lora_targets,
        "micro_batch": request.micro_batch,
        "seq_len": request.seq_len,
        "seq_len_kind": "padded-max" if request.seq_len_kind == "padded" else "packed",
        "seq_len_exact": True,
        "grad_checkpointing": request.grad_checkpointing,
        "attention": request.attention,
        "chunked_or_fused_loss": request.chunked_or_fused_loss,
        "kbit_preparation": request.kbit_preparation,
        "amp": request.amp,
        "adapter_dtype": request.adapter_dtype if request.method != "full" else None,
        "gpus": 1,
        "sharding": "none",
    }


def row_of(request: TraceRequest, reading: Reading, card: str, versions: Mapping[str, str]) -> dict[str, Any]:
    """The row; an OOM has no peaks. Raises ValueError when a run that ended well shows none."""
    row: dict[str, Any] = {"id": f"own {card} {request.id}", **_request_fields(request), "gpu": card}
    row |= {"outcome": "oom" if reading.oom else "ok", "completeness": "full", "per_gpu": True}
    row["torch_version"] = versions["torch"]
    row["source"] = {"kind": "measured", "repo_or_title": "tool/measure", "versions": dict(versions)}
    if reading.oom:
        return row
    if not reading.allocated:
        raise ValueError(f"{request.id}: nothing was read")
    phases: dict[str, Any] = {
        f"peak_{phase}_mib": significant(reading.allocated[phase] / MIB)
        for phase in PHASES
        if phase in reading.allocated
    }
    phases["cuda_context_mib"] = significant(reading.context / MIB)
    return row | {
        "peak_gib": significant(max(reading.allocated.values()) / GIB),
        "peak_kind": "allocated",
        "peak_allocated_gib": significant(max(reading.allocated.values()) / GIB),
        "peak_reserved_gib": significant(max(reading.reserved.values()) / GIB),
        "process_gib": significant(reading.process / GIB),
        "phases_mib": phases,
    }
