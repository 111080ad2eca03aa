"""The numbers that the retraining policies ask for, each told by sources of bounded weight."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import datetime
from pathlib import Path
from statistics import median

from tool.policy.variables import TelemetryView
from tool.retrain.weights import capped, weighted_median
from tool.rounding import significant
from tool.telemetry.forecast import Forecaster
from tool.telemetry.limits import Limits
from tool.telemetry.runs import Ledger, Run
from tool.telemetry.store import Store

FOLDER = "registry/telemetry"
WEEK = 7 * 86_400.0
TOLD = ("success", "oom", "diverged", "error")


def last_training(root: Path, limits: Limits) -> datetime:
    """When an engine was last fitted from telemetry; the earliest time there is where none ever was."""
    times = [
        datetime.fromisoformat(json.loads(path.read_text(encoding="utf-8"))["at"])
        for path in sorted((root / FOLDER).glob("*.json"))
    ]
    return max(times, default=datetime.fromisoformat(limits.earliest))


def read_signals(
    store: Store, ledger: Ledger, forecaster: Forecaster, limits: Limits, since: datetime, now: datetime
) -> TelemetryView:
    """All numbers. Successes count from their end since the last training, the OOM rate over the week before `now`.

    A wrong clock is bounded by receipt, so nobody can date a run after it arrived.
    """
    new: Counter[int] = Counter()
    week: Counter[int] = Counter()
    ooms: Counter[int] = Counter()
    ratios: dict[int, list[float]] = defaultdict(list)
    for run in ledger.ended():
        if run.at > since.timestamp() and run.outcome == "success":
            new[run.source] += 1
            ratio = _ratio(run, ledger, forecaster)
            if ratio is not None:
                ratios[run.source].append(ratio)
        if run.at >= now.timestamp() - WEEK and run.outcome in TOLD:
            week[run.source] += 1
            ooms[run.source] += run.outcome == "oom"
    weights = capped(week, limits.source_share)
    total = sum(weights.values())
    rate = sum(weight * ooms[source] / week[source] for source, weight in weights.items() if week[source])
    memory = capped({source: len(values) for source, values in ratios.items()}, limits.source_share)
    ratio = weighted_median([(median(values), memory[source]) for source, values in ratios.items()])
    counts = store.totals()
    return TelemetryView(
        hours_since_training=significant((now - since).total_seconds() / 3600.0, 6),
        new_successes=int(sum(capped(new, limits.source_share).values())),
        runs_7_days=int(total),
        oom_rate_7_days=significant(rate / total) if total else None,
        memory_ratio=significant(ratio) if ratio is not None else None,
        memory_runs=int(sum(memory.values())),
        received=counts.received,
        accepted=counts.accepted,
        duplicates=counts.duplicates,
        quarantined=counts.quarantined,
        largest_source_events=max((events for (events,) in store.rows("SELECT events FROM sources")), default=0),
    )


def _ratio(run: Run, ledger: Ledger, forecaster: Forecaster) -> float | None:
    """Measured over predicted peak of a successful run."""
    if not run.allocated_gib:
        return None
    forecast = forecaster.of(ledger.model_of(run), ledger.config(run.config_id), run.gpu, run.gpus)
    return run.allocated_gib / forecast.allocated_gib if forecast else None
