"""Measures one configuration in a process of its own, so that nothing of the last one is left on the card."""

from __future__ import annotations

import gc
from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from tool.measure.meters import CudaMeter, LedgerMeter, Peak
from tool.measure.rows import Reading, row_of
from tool.oracle import models, step
from tool.oracle.optimizers import make_optimizer
from tool.oracle.request import TraceRequest
from tool.oracle.trace import architecture_of
from tool.schema.model import Architecture

PACKAGES = ("torch", "transformers", "peft", "bitsandbytes")
SEED = 0
STEPS = 3
"""Measured after the first step, which comes before optimizer states exist."""


def _readings(peaks: dict[str, Peak]) -> tuple[dict[str, int], dict[str, int]]:
    kept = {name: peak for name, peak in peaks.items() if name and not name.startswith("start")}
    return {n: p.allocated for n, p in kept.items()}, {n: p.reserved for n, p in kept.items()}


def steps(request: TraceRequest, shape: Architecture, layers: int, meter: Any) -> None:
    """Build, then train for a few steps, reporting each stretch to `meter`."""
    meter.enter("build")
    model = step.prepare(models.build(shape, layers, request, step.DTYPES[request.dtype]), request)
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    meter.enter("load")
    optimizer = make_optimizer(model, request.optimizer)
    for number in range(STEPS):
        step.one_step(meter, model, optimizer, request, [""], "first " if number == 0 else "")
        optimizer.zero_grad(set_to_none=True)
    meter.enter("end")


def measure(request: TraceRequest, shape: Architecture, layers: int, device: str) -> Reading:
    """Peaks of one configuration; running out of memory is a reading too."""
    torch.manual_seed(SEED)
    on_card = device == "cuda"
    meter: Any = CudaMeter() if on_card else LedgerMeter()
    context = meter.process_bytes() if on_card else 0
    watching: AbstractContextManager[Any] = nullcontext() if on_card else meter.ledger
    oom = False
    with torch.device(device), watching:
        try:
            steps(request, shape, layers, meter)
        except torch.OutOfMemoryError:
            oom = True
    allocated, reserved = _readings(meter.peaks)
    for name in ("build", "end"):
        allocated.pop(name, None)
        reserved.pop(name, None)
    return Reading(allocated, reserved, meter.process_bytes(), context, oom)


def measured_row(request: TraceRequest, root: Path, device: str, layers: int | None = None) -> dict[str, Any]:
    """The row of one configuration on this machine. `layers`: only so many of the model's (for a try-out)."""
    shape, _ = architecture_of(root, request.model)
    reading = measure(request, shape, layers or shape.num_hidden_layers, device)
    card = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    return row_of(request, reading, card, {name: version(name).split("+")[0] for name in PACKAGES})
