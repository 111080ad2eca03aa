"""Hold the arithmetic to the trace oracle: the same step, run on the real code with tensors that have no data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tool.load import Repo
from tool.memory.answer import program_of, sample
from tool.memory.program import CUBLAS_WORKSPACE, PHASES
from tool.memory.resolve import Notes, setup_of
from tool.memory.setup import Setup
from tool.memory.vocabulary import optimizer_of
from tool.schema.fit import FitRequest

FOLDER = "registry/measurements/oracle"


@dataclass(frozen=True)
class Difference:
    """Arithmetic against trace of one configuration: relative errors of the peak and of each phase.

    `tie` is how far the phase that arithmetic calls the peak lies below the traced peak (0: it is that phase).
    """

    id: str
    model: str
    error: float
    phase: str
    traced_phase: str
    by_phase: dict[str, float]
    tie: float


def rows(root: Path) -> Iterator[dict[str, Any]]:
    """Every traced configuration, in the order of the files."""
    for path in sorted((root / FOLDER).glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


def comparable(row: dict[str, Any]) -> str | None:
    """Why a row cannot be held against the arithmetic; None when it can.

    A forecast has no field for gradient accumulation. TRL's fused head takes another path on the processor, where the
    trace runs, than its Triton kernels on a GPU. Autocast narrows the operands of SDPA before a kernel is chosen, the
    trace chooses first. A quantised model must have been packed. Linear attention and short convolutions are traced in
    plain torch; that is comparable, because an installation of transformers and TRL brings no kernel package (`fla`,
    `causal_conv1d`) either. Axolotl's does: there the forecast is an upper bound.
    """
    if row["quant"] != "none" and row["phases"]["load"]["weights"] > 1.5 * row["parameters"]:
        return "the trace left matrices unpacked"
    if row["amp"] != "none" and row.get("attention_kernel") == "math":
        return "the trace chose a kernel before autocast"
    if row.get("grad_accumulation"):
        return "gradients of earlier micro-batches"
    if row.get("chunked_or_fused_loss"):
        return "the fused head's processor path"
    return None


def setup_for(repo: Repo, row: dict[str, Any]) -> Setup | None:
    """The setup of a traced step: a plain loop on transformers, foreach AdamW unless another is named."""
    fields = {name: value for name, value in row.items() if name in FitRequest.model_fields}
    setup = setup_of(repo, FitRequest.model_validate({**fields, "framework": "transformers"}), Notes())
    if setup is None:
        return None
    optimizer = optimizer_of("adamw", "foreach") if row["optimizer"] == "adamw" else setup.optimizer
    assert optimizer is not None
    return replace(
        setup,
        loss=replace(setup.loss, holds=bool(row.get("keeps_outputs"))),
        optimizer=optimizer,
        numbers=replace(setup.numbers, dropout=bool(row.get("lora_dropout"))),
        reentrant=bool(row.get("use_reentrant")),
    )


def difference(repo: Repo, row: dict[str, Any]) -> Difference | None:
    """Compare one row. The trace has no cuBLAS, so its workspace is left out."""
    setup = setup_for(repo, row)
    if setup is None:
        return None
    program = program_of(setup)
    points = sample(setup, np.array(float(row["micro_batch"])), np.array(float(row["seq_len"])))
    totals = program.totals() @ points - CUBLAS_WORKSPACE
    found = {name: float(totals[program.phases == number].max()) for number, name in enumerate(PHASES)}
    traced = {name: float(row["phases"][name]["total"]) for name in PHASES}
    phase = max(found, key=lambda name: found[name])
    return Difference(
        id=row["id"],
        model=row["model"],
        error=max(found.values()) / float(row["peak_bytes"]) - 1.0,
        phase=phase,
        traced_phase=str(row["peak_phase"]),
        by_phase={name: found[name] / traced[name] - 1.0 for name in PHASES},
        tie=1.0 - traced[phase] / max(traced.values()),
    )


def compare(repo: Repo) -> list[Difference]:
    """Every comparable row."""
    found = [difference(repo, row) for row in rows(repo.root) if comparable(row) is None]
    return [item for item in found if item is not None]
