"""From two traces of a shortened model to the whole one.

The fullest moment of each stretch of a run (the forward of the second layer, the backward of the last but one)
grows by the same bytes with every further layer, or period of layers where kinds alternate. So each stretch is
extended along a line of its own, counted from the front and from the back, and only then is the maximum taken:
the fullest stretch of a deep model need not be that of a shallow one.
"""

from __future__ import annotations

from dataclasses import dataclass

PHASES = ("load", "forward", "backward", "optimizer")
Moment = dict[str, int]
"""Bytes by category, and their sum under "total"."""
Trace = dict[str, Moment]
"""Segment name, such as "backward/layers/3" or "optimizer" → its fullest moment."""


@dataclass(frozen=True)
class Depths:
    """How many layers are traced: `short` and `short + period` stand for `whole`."""

    short: int
    period: int
    whole: int

    @property
    def steps(self) -> int:
        """How many periods the whole model has beyond the short one."""
        return (self.whole - self.short) // self.period


def plan_depths(kinds: list[str], least: int = 3) -> Depths | None:
    """Depths for a model with these layer kinds; None when it is too shallow for a shortcut or not periodic.

    The short model keeps an irregular front (a dense layer before experts) and ends in the phase of the period
    in which the whole model ends.
    """
    whole = len(kinds)
    for period in range(1, whole // 2 + 1):
        for front in range(0, min(4, whole - 2 * period) + 1):
            if all(kinds[i] == kinds[i + period] for i in range(front, whole - period)):
                short = max(least, front + period)
                short += (whole - short) % period
                if short + period < whole:
                    return Depths(short, period, whole)
                return None
    return None


def relabel(trace: Trace, depth: int) -> Trace:
    """Name layer segments from the front and from the back: layer 2 of 3 is both `2` and `-1`."""
    named: Trace = {}
    for name, moment in trace.items():
        stem, _, last = name.rpartition("/")
        if not last.isdigit():
            named[name] = moment
            continue
        named[f"{stem}/{last}"] = moment
        named[f"{stem}/{int(last) - depth}"] = moment
    return named


def extend(short: Trace, longer: Trace, depths: Depths) -> Trace:
    """Every segment that both traces have, at the whole depth."""
    first = relabel(short, depths.short)
    second = relabel(longer, depths.short + depths.period)
    return {
        name: {key: moment[key] + depths.steps * (second[name][key] - moment[key]) for key in moment}
        for name, moment in first.items()
        if name in second
    }


def phase_peaks(trace: Trace, prefix: str = "") -> dict[str, Moment]:
    """The fullest moment of each phase. `prefix` "first " reads the first step, before optimizer states exist."""
    peaks: dict[str, Moment] = {}
    for name in sorted(trace):
        phase = name.removeprefix(prefix).split("/")[0]
        if not name.startswith(prefix) or phase not in PHASES:
            continue
        if phase not in peaks or trace[name]["total"] > peaks[phase]["total"]:
            peaks[phase] = trace[name]
    return {phase: peaks[phase] for phase in PHASES if phase in peaks}
