"""Traces one configuration: two shortened models, extended to the whole one. Runs where torch is installed."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tool.errors import BadRequest
from tool.load import open_repo
from tool.oracle import models, step
from tool.oracle.cuda_like import kernels_chosen
from tool.oracle.extrapolate import PHASES, Depths, Moment, Trace, extend, phase_peaks, plan_depths
from tool.oracle.models import CannotTrace
from tool.oracle.request import TraceRequest
from tool.schema.model import Architecture

PACKAGES = ("torch", "transformers", "peft", "trl", "bitsandbytes")
FIRST = "first "


@cache
def architecture_of(root: Path, model: str) -> tuple[Architecture, int]:
    """Shape and recorded parameter count of a registry model.

    Raises BadRequest for an unknown model, CannotTrace when transformers builds another number of parameters.
    """
    repo = open_repo(root)
    if model not in repo.models:
        raise BadRequest("model", f"{model!r} is not in the registry", "name a file of registry/models")
    record = repo.models[model]
    built = models.exact_parameters(record.architecture)
    if built != record.parameters:
        raise CannotTrace(
            f"{model}: transformers builds {built:,} parameters, the registry records {record.parameters:,}"
        )
    return record.architecture, built


def extended(request: TraceRequest, shape: Architecture) -> Trace:
    """Every segment of the whole model, from two short traces where its layers repeat."""
    depths: Depths | None = plan_depths(models.layer_kinds(shape))
    # layers that share the keys of an earlier one cannot be cut away from it
    if depths is None or shape.num_kv_shared_layers:
        return step.trace_layers(request, shape, shape.num_hidden_layers)
    short = step.trace_layers(request, shape, depths.short)
    longer = step.trace_layers(request, shape, depths.short + depths.period)
    return extend(short, longer, depths)


def _sorted(peaks: dict[str, Moment]) -> dict[str, dict[str, int]]:
    return {phase: dict(sorted(peaks[phase].items())) for phase in PHASES if phase in peaks}


def trace(request: TraceRequest, root: Path) -> dict[str, Any]:
    """The row of one configuration: peak bytes by phase and category, steady state and first step.

    "load" is what rests on the card before the first step. The first step's peaks come before optimizer states
    exist; a run of one step shows those.
    """
    shape, parameters = architecture_of(root, request.model)
    segments = extended(request, shape)
    steady, first = phase_peaks(segments), phase_peaks(segments, FIRST)
    fullest = max(steady, key=lambda phase: steady[phase]["total"])
    return {
        "id": request.id,
        **request.row,
        "parameters": parameters,
        "attention_kernel": "+".join(sorted(kernels_chosen)) or "eager",
        "peak_phase": fullest,
        "peak_bytes": steady[fullest]["total"],
        "phases": _sorted(steady),
        "first_step": {phase: moment["total"] for phase, moment in _sorted(first).items()},
        "versions": {package: version(package).split("+")[0] for package in PACKAGES},
    }
