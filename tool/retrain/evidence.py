"""Runs → rows that an engine may learn from: measured peaks, and configurations with their outcome.

A peak counts once several sources saw it: the median over sources, so that a minority of them cannot move it beyond
what honest ones saw. A configuration counts as that of its source, whatever the number of its runs.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from tool.rounding import significant
from tool.telemetry.forecast import Forecast, Forecaster
from tool.telemetry.limits import Limits
from tool.telemetry.runs import Ledger, Run

ROOM_OF_CARD = 1.05
"""A peak above this multiple of what the driver showed free cannot have happened."""
LEAST_STEPS = 20
RECIPE_FIELDS = (
    "learning_rate",
    "lr_scheduler_type",
    "warmup_ratio",
    "weight_decay",
    "max_grad_norm",
    "optim",
    "num_train_epochs",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "gpus",
    "max_length",
    "precision",
    "quantization",
    "gradient_checkpointing",
    "packing",
    "lora_r",
    "lora_alpha",
    "lora_dropout",
    "target_modules",
    "beta",
    "num_generations",
)


@dataclass
class Seen:
    """Peaks of one configuration, by source (GiB)."""

    forecast: Forecast
    peaks: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))


@dataclass
class Evidence:
    """Rows for the registry. `agreeing` counts confirmed configurations whose peak the bound already covers."""

    measurements: list[dict[str, Any]]
    recipes: list[dict[str, Any]]
    agreeing: int
    unconfirmed: int
    implausible: int


def gather(ledger: Ledger, forecaster: Forecaster, limits: Limits) -> Evidence:
    """Everything that the runs of a store teach."""
    peaks: dict[int, Seen] = {}
    choices: dict[tuple[Any, ...], list[Run]] = defaultdict(list)
    implausible = 0
    for run in ledger.ended():
        if run.outcome != "success":
            continue
        config, model = ledger.config(run.config_id), ledger.model_of(run)
        forecast = forecaster.of(model, config, run.gpu, run.gpus) if run.allocated_gib else None
        if forecast is not None and run.allocated_gib:
            if _plausible(run):
                peaks.setdefault(id(forecast), Seen(forecast)).peaks[run.source].append(run.allocated_gib)
            else:
                implausible += 1
        if model is not None and _learned(run):
            task = ledger.request(run.request_id).get("task")
            choices[(run.source, model, task, config.get("objective"), config.get("adapter"))].append(run)
    confirmed = [seen for seen in peaks.values() if len(seen.peaks) >= limits.learning_sources]
    rows = [measurement(seen) for seen in confirmed if _peak(seen) > seen.forecast.upper_gib]
    recipes = [
        recipe(key, runs, ledger)
        for key, runs in sorted(choices.items(), key=repr)
        if len(runs) >= limits.learning_runs
    ]
    return Evidence(
        sorted(rows, key=lambda row: str(row["id"])),
        sorted((row for row in recipes if row is not None), key=lambda row: str(row["id"])),
        len(confirmed) - len(rows),
        len(peaks) - len(confirmed),
        implausible,
    )


def _plausible(run: Run) -> bool:
    """Whether a peak can be: it fits what the driver showed, and what was held is not less than what was used."""
    peak = run.allocated_gib or 0.0
    if run.usable_gib is not None and peak > run.usable_gib * ROOM_OF_CARD:
        return False
    return run.reserved_gib is None or run.reserved_gib >= peak * 0.999


def _learned(run: Run) -> bool:
    """Whether a run shows that its configuration trains: enough steps, and the loss fell."""
    falls = run.first_loss is not None and run.final_loss is not None and run.final_loss < run.first_loss
    return falls and (run.steps or 0) >= LEAST_STEPS


def _peak(seen: Seen) -> float:
    """Median over sources of the median of each."""
    return median(median(values) for values in seen.peaks.values())


def measurement(seen: Seen) -> dict[str, Any]:
    """One row of registry/measurements: the request as it stands, and the peak that sources agree on."""
    request = seen.forecast.request.model_dump(by_alias=True, exclude_none=True)
    key = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()[:12]
    peak = significant(_peak(seen))
    runs = sum(len(values) for values in seen.peaks.values())
    return {
        "id": f"telemetry-{key}",
        **request,
        "outcome": "ok",
        "completeness": "full",
        "seq_len_exact": request.get("seq_len_kind") == "packed",
        "peak_gib": peak,
        "peak_kind": "allocated",
        "peak_allocated_gib": peak,
        "per_gpu": True,
        "caveats": ["median over sources of telemetry"],
        "source": {"kind": "telemetry", "repo_or_title": "telemetry", "runs": runs, "sources": len(seen.peaks)},
    }


def recipe(key: tuple[Any, ...], runs: list[Run], ledger: Ledger) -> dict[str, Any] | None:
    """One row of registry/recipes for what a source trains with: its most frequent configuration and its outcome."""
    source, model, task, objective, adapter = key
    (config_id, _), *_ = Counter(sorted(run.config_id for run in runs)).most_common(1)
    chosen = ledger.config(config_id)
    if not isinstance(chosen.get("learning_rate"), int | float) or not isinstance(adapter, str):
        return None
    config = {name: chosen[name] for name in RECIPE_FIELDS if chosen.get(name) is not None}
    config |= {"model": model, "objective": objective, "adapter": adapter, "task": task}
    digest = hashlib.sha256(
        json.dumps([ledger.source_name(source), model, task, objective, adapter]).encode()
    ).hexdigest()[:12]
    losses = [run.final_loss for run in runs if run.config_id == config_id and run.final_loss is not None]
    return {
        "id": f"telemetry-{digest}",
        "schema": "canonical",
        "source": {"repo": f"telemetry/{ledger.source_name(source)}", "path": f"{len(runs)} runs"},
        "config": {name: value for name, value in config.items() if value is not None},
        "measured": {"status": "success", "train_loss": significant(median(losses))},
    }
