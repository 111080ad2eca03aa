"""Simulate canaries that are looked at every day: `python -m evaluation.canary_simulation` writes the report.

Streams have the routed share exactly: each block is one run of the canary beside its production runs. Everything is
seeded, so the report is the same to the byte.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from tool.policy.files import read_policies
from tool.policy.policies import load_policies
from tool.rollout import sequential
from tool.rollout.parameters import Parameters, read_parameters
from tool.rollout.verdict import HARMS
from tool.telemetry.chart import COLOURS, EDGE, HEIGHT, LEFT, WIDTH, Frame

Array = npt.NDArray[np.float64]
ROOT = Path(__file__).resolve().parents[1]
SEED = 20261124
RUNS_A_DAY, DAYS, CHUNK = 500, 28, 200
OTHER_FAILURES, OOM = 0.05, 0.05
FOLDER = "evaluation/reports"
FRACTIONS = (0.01, 0.05, 0.2)
"""The steps of policies/rollout/canary-steps.yaml."""
TICKS, WEEK = 5, 7


@dataclass(frozen=True)
class World:
    """One situation. Rates are shares of runs; `loss` is how often the canary keeps more of its loss."""

    fraction: float
    oom: float = OOM
    canary_oom: float = OOM
    loss: float = 0.5

    @property
    def size(self) -> int:
        return sequential.blocks_of(self.fraction)

    @property
    def blocks_a_day(self) -> int:
        return RUNS_A_DAY // (self.size + 1)


@dataclass(frozen=True)
class Result:
    """By repetition: the day (from 1; 0 is never) of the first alarm, for each way of testing, and of health."""

    anytime: Array
    oom_alone: Array
    fixed_daily: Array
    fixed_once: Array
    healthy: Array


def first_day(crossed: npt.NDArray[np.bool_]) -> Array:
    """The first day on which something holds, counted from 1; 0 where it never does."""
    days: Array = np.where(crossed.any(axis=1), crossed.argmax(axis=1) + 1, 0).astype(float)
    return days


def z_values(canary: Array, production: Array, n_canary: Array, n_production: Array) -> Array:
    """The usual two-proportion statistic at each look: positive where the canary has more bad runs."""
    pooled = (canary + production) / (n_canary + n_production)
    spread = np.sqrt(np.maximum(pooled * (1 - pooled), 1e-12) * (1 / n_canary + 1 / n_production))
    z: Array = (canary / n_canary - production / n_production) / spread
    return z


def simulate(world: World, repetitions: int, parameters: Parameters, seed: int = SEED) -> Result:
    """Repetitions in chunks, so that memory stays small."""
    chunks = [
        _chunk(world, min(CHUNK, repetitions - start), parameters, np.random.default_rng([seed, start]))
        for start in range(0, repetitions, CHUNK)
    ]
    return Result(*(np.concatenate(column) for column in zip(*chunks, strict=True)))


def _chunk(
    world: World, repetitions: int, parameters: Parameters, random: np.random.Generator
) -> tuple[Array, Array, Array, Array, Array]:
    size, blocks = world.size, world.blocks_a_day * DAYS
    shape, looks = (repetitions, blocks), np.arange(1, DAYS + 1) * world.blocks_a_day - 1
    oom = (random.random(shape) < world.canary_oom).astype(float)
    oom_beside = random.binomial(size, world.oom, shape).astype(float)
    failed = np.maximum(oom, random.random(shape) < OTHER_FAILURES)
    failed_beside = oom_beside + random.binomial(size - oom_beside.astype(int), OTHER_FAILURES).astype(float)
    pairs = (random.random(shape) < world.loss).astype(float)
    gaps = (1 - failed_beside / size) - (1 - failed)  # both slots promise the same, so only successes differ
    harm, health = math.log(len(HARMS) / parameters.alpha), -math.log(parameters.beta)

    def worse(mine: Array, others: Array) -> Array:
        return sequential.worse(mine, others, size, parameters.ratios, parameters.prior)

    paths = [
        worse(oom, oom_beside),
        worse(failed, failed_beside),
        sequential.mean_above(pairs, 0.0, 0.5, parameters.stakes),
        sequential.mean_above(gaps, -2.0, 0.0, parameters.stakes),
    ]
    crossed = [np.maximum.accumulate(path, axis=1)[:, looks] >= harm for path in paths]
    margins = (parameters.oom_margin, parameters.failure_margin)
    streams = ((oom, oom_beside), (failed, failed_beside))
    well = [
        sequential.no_worse(first, second, size, margin, parameters.prior)[:, looks] >= health
        for (first, second), margin in zip(streams, margins, strict=True)
    ]
    counts = np.arange(1, blocks + 1, dtype=float)[looks]
    mine, others = (np.cumsum(side, axis=1)[:, looks] for side in (oom, oom_beside))
    z = z_values(mine, others, counts, counts * size) >= NormalDist().inv_cdf(1 - parameters.alpha)
    alarm = np.logical_or.reduce(crossed)
    once = np.where(z[:, -1], DAYS, 0).astype(float)
    return first_day(alarm), first_day(crossed[0]), first_day(z), once, first_day(well[0] & well[1] & ~alarm)


def share(days: Array, by: int = DAYS) -> float:
    """Share of repetitions that ended by a day."""
    return float(((days > 0) & (days <= by)).mean())


def median_runs(days: Array) -> str:
    """Median number of runs of both slots until the day of detection; those never detected count as longer."""
    middle = float(np.median(np.where(days > 0, days, np.inf)))
    return f"{middle * RUNS_A_DAY:,.0f}" if math.isfinite(middle) else f"> {DAYS * RUNS_A_DAY:,}"


def lines(
    curves: dict[str, Sequence[tuple[float, float]]], across: str, up: str, top: float, level: tuple[float, str] | None
) -> str:
    """Some curves as SVG, shares from 0 to `top` upwards over days, with a line at a level that has a name."""
    right = max(x for curve in curves.values() for x, _ in curve)
    frame = Frame(right, top)
    parts = []
    for part in range(1, TICKS):
        share_at = top * part / TICKS
        ends = f"{frame.place(0, share_at)} {frame.place(right, share_at)}"
        parts.append(f'<polyline points="{ends}" fill="none" stroke="#eee"/>')
        parts.append(_label(LEFT - 6, frame.place(0, share_at), 4, f"{share_at:.3g}", "#000", "end"))
    for day in range(WEEK, int(right), WEEK):
        parts.append(_label(None, frame.place(day, 0), 16, f"{day}", "#000", "middle"))
    if level is not None:
        ends = f"{frame.place(0, level[0])} {frame.place(right, level[0])}"
        parts.append(f'<polyline points="{ends}" fill="none" stroke="#666" stroke-dasharray="4"/>')
        parts.append(_label(LEFT + 6, frame.place(0, level[0]), -4, level[1], "#666", "start"))
    for index, (name, curve) in enumerate(curves.items()):
        points, colour = " ".join(frame.place(x, y) for x, y in curve), COLOURS[index % len(COLOURS)]
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        at = f"{WIDTH - EDGE},{HEIGHT * 0.385 + 16 * index:.1f}"
        parts.append(_label(None, at, 0, name, colour, "end"))
    return frame.drawn(across, up, parts)


def _label(x: float | None, place: str, below: float, text: str, colour: str, anchor: str) -> str:
    """A word at a place of the frame, `below` it by so many pixels; `x` overrides its place across."""
    across, down = (float(part) for part in place.split(","))
    at = f'x="{across if x is None else x:.1f}" y="{down + below:.1f}"'
    return f'<text {at} text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'


def by_day(days: Array) -> list[tuple[float, float]]:
    """Share that ended by each day."""
    return [(float(day), share(days, day)) for day in range(DAYS + 1)]


def study(parameters: Parameters, repetitions: int) -> dict[str, Any]:
    """All simulations of the report."""
    nulls = {
        (fraction, oom): simulate(World(fraction, oom, oom), repetitions, parameters)
        for fraction in FRACTIONS
        for oom in (0.02, 0.05)
    }
    power = {
        (fraction, ratio): simulate(World(fraction, OOM, OOM * ratio), repetitions // 2, parameters, SEED + 1)
        for fraction in FRACTIONS
        for ratio in (1.5, 2.0, 3.0)
    }
    return {"nulls": nulls, "power": power, "repetitions": repetitions, "alpha": parameters.alpha}


def plots(found: dict[str, Any]) -> dict[str, str]:
    """File name → SVG."""
    null = found["nulls"][0.2, 0.05]
    alarms = {"anytime-valid, all comparisons": null.anytime, "fixed-horizon test of OOM, every day": null.fixed_daily}
    curves = {
        f"{ratio:g} times the rate, {fraction:.0%} canary": found["power"][fraction, ratio].anytime
        for ratio in (3.0, 2.0)
        for fraction in reversed(FRACTIONS)
    }
    alpha = (found["alpha"], f"α = {found['alpha']:g}")
    return {
        "canary_false_alarms.svg": lines(
            {name: by_day(days) for name, days in alarms.items()}, "day", "false aborts, share", 0.3, alpha
        ),
        "canary_power.svg": lines(
            {name: by_day(days) for name, days in curves.items()}, "day", "detected, share", 1.0, None
        ),
    }


def report(found: dict[str, Any], parameters: Parameters) -> str:
    """The report in markdown."""
    rows, alpha = found["repetitions"], parameters.alpha
    text = [
        "# How often a canary is aborted by mistake, and how soon a bad one is found",
        "",
        f"Written by `python -m evaluation.canary_simulation`: {rows:,} seeded repetitions of {DAYS} days with "
        f"{RUNS_A_DAY} runs a day, looked at every day; {rows // 2:,} for the power. The rules are those of "
        f"`policies/rollout/canary-health.yaml`: α = {alpha:g} for all {len(HARMS)} comparisons and all looks.",
        "",
        "## No harm: both slots alike",
        "",
        "| canary | OOM rate | false aborts, all comparisons | of the OOM comparison | "
        "fixed horizon, looked at daily | fixed horizon, looked at once | "
        "called healthy meanwhile | median runs to healthy |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for (fraction, oom), result in found["nulls"].items():
        text.append(
            f"| {fraction:.0%} | {oom:.0%} | {share(result.anytime):.4f} | {share(result.oom_alone):.4f} | "
            f"{share(result.fixed_daily):.4f} | {share(result.fixed_once):.4f} | {share(result.healthy):.3f} | "
            f"{median_runs(result.healthy)} |"
        )
    text += [
        "",
        f"The fixed-horizon test is the one-sided two-proportion z-test at α = {alpha:g} of the OOM rate alone, on the "
        "same streams. Looked at once, on the last day, it keeps its level; looked at every day until it rejects, it "
        "does not. That is the price of peeking, which the anytime-valid evidence does not pay.",
        "",
        "![false aborts by day](canary_false_alarms.svg)",
        "",
        "## Harm: the canary runs out of memory more often",
        "",
        f"Production's OOM rate is {OOM:.0%}. Runs are those of both slots until the day of the alarm; every "
        f"{RUNS_A_DAY} runs are one look.",
        "",
        "| canary | OOM rate times | detected in 28 days | median runs to detect | fixed horizon once, detected | "
        "fixed horizon daily, median runs | called healthy meanwhile |",
        "|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for (fraction, ratio), result in found["power"].items():
        text.append(
            f"| {fraction:.0%} | {ratio:g} | {share(result.anytime):.3f} | {median_runs(result.anytime)} | "
            f"{share(result.fixed_once):.3f} | {median_runs(result.fixed_daily)} | {share(result.healthy):.3f} |"
        )
    text += [
        "",
        f"Twice the rate is worse by exactly the margin of {parameters.oom_margin:g}, so there a verdict of healthy is "
        f"the mistake that β = {parameters.beta:g} bounds; 1.5 times is within the margin, where it is no mistake.",
        "",
        "![detected by day](canary_power.svg)",
        "",
        "## What this does not show",
        "",
        "Runs are drawn independently and have exactly the routed share. Runs of one key that fail together make the "
        "evidence grow faster than it should; the share of runs is tested apart and makes a verdict inconclusive. α "
        "holds for one step of a canary: three steps of one life err three times as often at most. In the power table "
        "an OOM is also a failed run, so that the comparison of failures and the drift of confidence help to find it.",
        "",
    ]
    return "\n".join(text)


def main() -> int:
    """Print the report; with --write, write it with its plots."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--write", action="store_true", help=f"write canary.md and its plots under {FOLDER}")
    parser.add_argument("--repetitions", type=int, default=4_000)
    arguments = parser.parse_args()
    parameters = read_parameters(load_policies(read_policies(ROOT), ("rollout",)))
    found = study(parameters, arguments.repetitions)
    text = report(found, parameters)
    if arguments.write:
        for name, content in {"canary.md": text, **plots(found)}.items():
            (ROOT / FOLDER / name).write_text(content, encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
