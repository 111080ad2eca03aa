"""Runs → rows that an engine may learn from: peaks above their bound, and configurations with their outcome.

A run is a surprise when it took more than the bound on its need, or ran out of memory although the bound said that it
fits. Surprises become rows by source; what a card learns from them is what several sources need
(tool/memory/cards.py). A configuration counts as that of its source, whatever the number of its runs.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from tool.memory.cards import LEFT
from tool.rounding import significant
from tool.telemetry.forecast import Forecast, Forecaster
from tool.telemetry.limits import Limits
from tool.telemetry.runs import Ledger, Run

ROOM_OF_CARD = 1.05
"""A peak above this multiple of what the driver showed free cannot have happened."""
SAME_CARD = 0.99
"""Free memory that is less than known by more than this is another figure; drivers differ by less."""
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
    """Surprises of one source with one configuration on one card: peaks and free memory (GiB), and failures.

    `of`: runs of the source on the card, surprises or not.
    """

    forecast: Forecast
    card: str
    source: str
    of: int = 0
    peaks: list[float] = field(default_factory=list)
    free: list[float] = field(default_factory=list)
    ooms: int = 0

    @property
    def runs(self) -> int:
        return len(self.peaks) + self.ooms

    @property
    def excess(self) -> float:
        """How far the bound was missed, as a factor; out of memory counts as the whole of what was thought free."""
        worst = max(median(self.peaks) if self.peaks else 0.0, self.forecast.usable_gib if self.ooms else 0.0)
        return worst / self.forecast.upper_gib


@dataclass
class Evidence:
    """Rows for the registry.

    `agreeing`: runs within their bound; `unconfirmed`: surprises on cards where too few sources had one; `implausible`:
    runs that told an impossible peak.
    """

    measurements: list[dict[str, Any]]
    recipes: list[dict[str, Any]]
    agreeing: int
    unconfirmed: int
    implausible: int


@dataclass
class _Peaks:
    """What runs told of memory, while it is gathered."""

    seen: dict[tuple[int, int], Seen] = field(default_factory=dict)
    runs: Counter[tuple[str, str]] = field(default_factory=Counter)
    agreeing: int = 0
    implausible: int = 0

    def add(self, run: Run, forecast: Forecast, card: str, source: str) -> None:
        if not _plausible(run):
            self.implausible += 1
            return
        self.runs[card, source] += 1
        oom = run.outcome == "oom" and forecast.upper_gib <= forecast.usable_gib
        over = run.outcome == "success" and (run.allocated_gib or 0.0) > forecast.upper_gib
        if not (oom or over):
            self.agreeing += 1
            return
        seen = self.seen.setdefault((run.source, id(forecast)), Seen(forecast, card, source))
        seen.ooms += oom
        if over and run.allocated_gib:
            seen.peaks.append(run.allocated_gib)
        if run.usable_gib is not None:
            seen.free.append(run.usable_gib)

    def confirmed(self, least: int) -> list[Seen]:
        """Surprises on cards where at least so many sources had too many; of each source the worst.

        Those are enough to say what the source needs: how far the bound must rise to leave only a small share above.
        """
        by_card: dict[str, dict[str, list[Seen]]] = defaultdict(lambda: defaultdict(list))
        for seen in self.seen.values():
            by_card[seen.card][seen.source].append(seen)
        found: list[Seen] = []
        for card, sources in by_card.items():
            telling = [_telling(rows, self.runs[card, source]) for source, rows in sources.items()]
            if sum(map(bool, telling)) >= least:
                found += [seen for rows in telling for seen in rows]
        return found


def _telling(rows: list[Seen], of: int) -> list[Seen]:
    """The worst surprises of a source, until more than `LEFT` of its runs are among them; none where they are fewer."""
    chosen, above = [], 0
    for seen in sorted(rows, key=_worst_first):
        seen.of = of
        chosen.append(seen)
        above += seen.runs
        if above > LEFT * of:
            return chosen
    return []


def _worst_first(seen: Seen) -> tuple[float, str]:
    return -seen.excess, _key(seen)


def gather(ledger: Ledger, forecaster: Forecaster, limits: Limits) -> Evidence:
    """Everything that the runs of a store teach."""
    peaks = _Peaks()
    choices: dict[tuple[Any, ...], list[Run]] = defaultdict(list)
    for run in ledger.ended():
        if run.outcome not in ("success", "oom"):
            continue
        config, model = ledger.config(run.config_id), ledger.model_of(run)
        card = forecaster.card(run.gpu)
        forecast = forecaster.of(model, config, run.gpu, run.gpus) if run.allocated_gib else None
        if forecast is not None and card is not None:
            peaks.add(run, forecast, card, ledger.source_name(run.source))
        if run.outcome == "success" and model is not None and _learned(run):
            task = ledger.request(run.request_id).get("task")
            choices[(run.source, model, task, config.get("objective"), config.get("adapter"))].append(run)
    confirmed = peaks.confirmed(limits.learning_sources)
    recipes = [
        recipe(key, runs, ledger)
        for key, runs in sorted(choices.items(), key=repr)
        if len(runs) >= limits.learning_runs
    ]
    return Evidence(
        sorted((measurement(seen) for seen in confirmed), key=lambda row: str(row["id"])),
        sorted((row for row in recipes if row is not None), key=lambda row: str(row["id"])),
        peaks.agreeing,
        len(peaks.seen) - len(confirmed),
        peaks.implausible,
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


def _key(seen: Seen) -> str:
    """Names a source's configuration: what was priced, and whose it is."""
    request = seen.forecast.request.model_dump(by_alias=True, exclude_none=True)
    return hashlib.sha256(json.dumps([seen.source, request], sort_keys=True).encode()).hexdigest()[:16]


def measurement(seen: Seen) -> dict[str, Any]:
    """One row of registry/measurements: the request as it stands, and the source's median peak or its failure.

    A card that showed less free memory than is known of it carries what it showed, as measured rows do.
    """
    request = seen.forecast.request.model_dump(by_alias=True, exclude_none=True)
    free = significant(median(seen.free)) if seen.free else None
    if free is not None and free < SAME_CARD * seen.forecast.usable_gib:
        request["gpu"] = f"{seen.card} ({free:.2f} GiB)"
    peak = significant(median(seen.peaks)) if seen.peaks else None
    told = {"peak_gib": peak, "peak_kind": "allocated", "peak_allocated_gib": peak} if peak and not seen.ooms else {}
    return {
        "id": f"telemetry-{_key(seen)}",
        **request,
        "outcome": "oom" if seen.ooms else "ok",
        "completeness": "full",
        "seq_len_exact": request.get("seq_len_kind") == "packed",
        **told,
        "per_gpu": True,
        "caveats": ["median over the runs of one source of telemetry"],
        "source": {
            "kind": "telemetry",
            "repo_or_title": f"telemetry/{seen.source}",
            "runs": seen.runs,
            "of": seen.of,
        },
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
