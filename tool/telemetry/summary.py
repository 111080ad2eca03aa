"""Runs → figures by slot, engine, card, model and adapter. Shares carry their interval; medians are over runs."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from tool.rounding import significant
from tool.telemetry.forecast import Forecaster
from tool.telemetry.runs import OUTCOMES, Ledger, Run

GROUPS = ("slot", "engine", "gpu", "model", "adapter")
MOST_ROWS = 200
"""Rows of one table; names come from outside, so their number is bounded. The rest is told as one row."""


@dataclass
class Tally:
    """Figures of one group of runs while they are counted."""

    outcomes: Counter[str] = field(default_factory=Counter)
    ratios: list[float] = field(default_factory=list)
    above_bound: int = 0
    losses: list[float] = field(default_factory=list)
    drops: list[float] = field(default_factory=list)
    hours: float = 0.0

    def add(self, run: Run, ratio: float | None, over: bool) -> None:
        self.outcomes[run.outcome] += 1
        self.hours += (run.seconds or 0.0) / 3600.0
        if ratio is not None:
            self.ratios.append(ratio)
            self.above_bound += over
        if run.outcome == "success" and run.final_loss is not None:
            self.losses.append(run.final_loss)
            if run.first_loss:
                self.drops.append(run.final_loss / run.first_loss)

    def plain(self) -> dict[str, Any]:
        """As plain figures. Cancelled and lost runs say nothing of memory, so the OOM share leaves them out."""
        told = sum(self.outcomes[name] for name in ("success", "oom", "diverged", "error"))
        low, high = wilson(self.outcomes["oom"], told)
        return {
            "runs": sum(self.outcomes.values()),
            **{name: self.outcomes[name] for name in OUTCOMES},
            "oom_rate": significant(self.outcomes["oom"] / told) if told else None,
            "oom_rate_interval": [significant(low), significant(high)] if told else None,
            "memory_runs": len(self.ratios),
            "measured_over_predicted": significant(median(self.ratios)) if self.ratios else None,
            "above_bound": self.above_bound,
            "final_loss": significant(median(self.losses)) if self.losses else None,
            "loss_kept": significant(median(self.drops)) if self.drops else None,
            "hours": significant(self.hours),
        }


def wilson(count: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927)."""
    if not total:
        return 0.0, 1.0
    share, square = count / total, z * z / total
    centre = (share + square / 2) / (1 + square)
    width = z * math.sqrt(share * (1 - share) / total + square / (4 * total)) / (1 + square)
    return max(0.0, centre - width), min(1.0, centre + width)


def week_of(seconds: float) -> int:
    """Weeks since 1970-01-01."""
    return int(seconds // (7 * 86_400))


@dataclass
class Summary:
    """All tables: name of the grouping → name of the group → figures."""

    whole: Tally
    groups: dict[str, dict[str, Tally]]
    weeks: dict[int, Tally]
    answers: dict[str, list[float]]
    points: list[tuple[float, float]]

    def plain(self) -> dict[str, Any]:
        tables = {
            name: [{name: key, **tally.plain()} for key, tally in _ranked(table)] for name, table in self.groups.items()
        }
        weeks = [{"week": week, **self.weeks[week].plain()} for week in sorted(self.weeks)]
        answers = [
            {"slot": slot, "answers": len(values), "confidence": significant(median(values))}
            for slot, values in sorted(self.answers.items())
        ]
        return {"whole": self.whole.plain(), "by": tables, "weeks": weeks, "recommendations": answers}


def _ranked(table: dict[str, Tally]) -> list[tuple[str, Tally]]:
    ordered = sorted(table.items(), key=lambda item: (-sum(item[1].outcomes.values()), item[0]))
    return ordered[:MOST_ROWS]


def summarise(ledger: Ledger, forecaster: Forecaster | None, runs: Iterable[Run] | None = None) -> Summary:
    """Count all runs. Without a forecaster nothing is said of memory."""
    summary = Summary(Tally(), {name: defaultdict(Tally) for name in GROUPS}, defaultdict(Tally), defaultdict(list), [])
    for run in runs if runs is not None else ledger.runs():
        config, model = ledger.config(run.config_id), ledger.model_of(run)
        ratio, over = None, False
        if forecaster is not None and run.outcome == "success" and run.allocated_gib:
            forecast = forecaster.of(model, config, run.gpu, run.gpus)
            if forecast is not None:
                ratio, over = run.allocated_gib / forecast.allocated_gib, run.allocated_gib > forecast.upper_gib
                if len(summary.points) < 2_000:
                    summary.points.append((forecast.allocated_gib, run.allocated_gib))
        card = forecaster.card(run.gpu) if forecaster is not None else run.gpu
        names = (run.slot, run.engine, card or run.gpu, model, config.get("adapter"))
        for tally in (summary.whole, summary.weeks[week_of(run.at)]):
            tally.add(run, ratio, over)
        for group, name in zip(GROUPS, names, strict=True):
            summary.groups[group][str(name) if name is not None else "(none)"].add(run, ratio, over)
    for _, slot, confidence, _, _ in ledger.answers():
        summary.answers[slot or "(none)"].append(confidence)
    return summary
