"""Both slots side by side: comparisons, each with its numbers, and what they say together."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import datetime
from statistics import fmean, median
from typing import Literal

from tool.rollout import sequential
from tool.rollout.parameters import Parameters
from tool.rollout.sequential import Array, column
from tool.rollout.streams import Seen, Streams, losses
from tool.rounding import significant
from tool.schema.evidence import Comparison

Status = Literal["healthy", "unhealthy", "inconclusive"]
HARMS = ("oom", "failure", "loss", "confidence")
"""Comparisons that can abort a canary: they share α between them."""
LARGEST = 700.0
"""Logarithm of the largest evidence that is told; a float holds no more."""


def compare(streams: Streams, fraction: float, parameters: Parameters, now: datetime) -> tuple[Comparison, ...]:
    """Every comparison of one step, in a fixed order."""
    size = sequential.blocks_of(fraction)
    return (
        _enough(streams, parameters),
        _fresh(streams, parameters, now),
        _share(streams, fraction, parameters),
        _rate("oom", "runs out of memory", streams, size, parameters, lambda run: run.outcome == "oom"),
        _rate("failure", "failed runs", streams, size, parameters, lambda run: run.outcome in parameters.failures),
        _loss(streams, parameters),
        _confidence(streams, size, parameters),
    )


def overall(comparisons: Sequence[Comparison], parameters: Parameters) -> Status:
    """Unhealthy as soon as one is; healthy once all required ones are. Missing is never healthy."""
    if any(each.status == "unhealthy" for each in comparisons):
        return "unhealthy"
    status = {each.id: each.status for each in comparisons}
    return "healthy" if all(status.get(name) == "healthy" for name in parameters.required) else "inconclusive"


def _enough(streams: Streams, parameters: Parameters) -> Comparison:
    canary, production = len(streams.canary), len(streams.production)
    enough = min(canary, production) >= parameters.runs_at_least
    return Comparison(
        id="runs",
        production=production,
        canary=canary,
        threshold=parameters.runs_at_least,
        status="healthy" if enough else "inconclusive",
        message="runs that count, of each slot" if enough else "too few runs of a slot",
    )


def _fresh(streams: Streams, parameters: Parameters, now: datetime) -> Comparison:
    """Hours since the newest run of each slot."""
    ages = [(now.timestamp() - side[-1].at) / 3600 if side else None for side in streams.sides()]
    canary, production = (significant(age) if age is not None else None for age in ages)
    fresh = canary is not None and canary <= parameters.age_hours_at_most
    return Comparison(
        id="fresh",
        production=production,
        canary=canary,
        threshold=parameters.age_hours_at_most,
        status="healthy" if fresh else "inconclusive",
        message="hours since the newest run" if fresh else "no run of the canary is recent (hours)",
    )


def _share(streams: Streams, fraction: float, parameters: Parameters) -> Comparison:
    """Whether the canary has the share of runs that was routed to it; the evidence is against that."""
    canary, total = len(streams.canary), len(streams.canary) + len(streams.production)
    evidence, threshold = sequential.share_off(canary, total, fraction), -math.log(parameters.share_alpha)
    fits = total > 0 and evidence < threshold
    said = "share of runs, beside the routed one" if fits else "the share of runs is not the routed one"
    return Comparison(
        id="share",
        production=significant(fraction),
        canary=significant(canary / total) if total else None,
        evidence=_told(evidence),
        threshold=significant(math.exp(threshold)),
        status="healthy" if fits else "inconclusive",
        message=said if total else "no runs",
    )


def _rate(
    name: str, title: str, streams: Streams, size: int, parameters: Parameters, bad: Callable[[Seen], bool]
) -> Comparison:
    """Shares of bad runs of both slots, compared block by block."""
    mine, others = (column([float(bad(run)) for run in side]) for side in streams.sides())
    shares = [significant(float(side.mean())) if side.size else None for side in (others, mine)]
    canary, production = _blocks(mine, others, size)
    margin = parameters.oom_margin if name == "oom" else parameters.failure_margin
    against = for_ = column([])
    if canary.size:
        against = sequential.worse(canary, production, size, parameters.ratios, parameters.prior)
        for_ = sequential.no_worse(canary, production, size, margin, parameters.prior)
    return _judged(name, f"share of {title}", shares, against, for_, margin, parameters)


def _blocks(mine: Array, others: Array, size: int) -> tuple[Array, Array]:
    """One canary run and the bad ones of its `size` production runs, block by block; what is over waits."""
    count = min(len(mine), len(others) // size) if size else 0
    return mine[:count], others[: count * size].reshape(count, size or 1).sum(axis=1)


def _loss(streams: Streams, parameters: Parameters) -> Comparison:
    """Regret of the final loss: how often the canary's run keeps more of its first loss than its partner."""
    kept = [[run.kept for run in side if run.kept is not None] for side in (streams.production, streams.canary)]
    shares = [significant(median(side)) if side else None for side in kept]
    pairs, margin = column(losses(streams)), parameters.loss_margin
    against = sequential.mean_above(pairs, 0.0, 0.5, parameters.stakes) if pairs.size else pairs
    for_ = sequential.mean_below(pairs, 1.0, 0.5 + margin, parameters.stakes) if pairs.size else pairs
    return _judged("loss", "final / first loss, median", shares, against, for_, margin, parameters)


def _confidence(streams: Streams, size: int, parameters: Parameters) -> Comparison:
    """Drift of confidence: how much more each slot promised than came true, the canary's above production's."""
    gaps = [
        column([run.confidence - (run.outcome == "success") for run in side if run.confidence is not None])
        for side in streams.sides()
    ]
    shares = [significant(fmean(side)) if len(side) else None for side in reversed(gaps)]
    mine, sums = _blocks(gaps[0], gaps[1], size)
    values, margin = mine - sums / (size or 1), parameters.confidence_margin
    against = sequential.mean_above(values, -2.0, 0.0, parameters.stakes) if values.size else values
    for_ = sequential.mean_below(values, 2.0, margin, parameters.stakes) if values.size else values
    return _judged("confidence", "confidence minus success, mean", shares, against, for_, margin, parameters)


def _judged(
    name: str,
    title: str,
    shares: Sequence[float | None],
    against: Array,
    for_: Array,
    margin: float,
    parameters: Parameters,
) -> Comparison:
    """Evidence of harm counts from the moment that it was there; that of health as it stands now."""
    worst = float(against.max(initial=0.0)) if against.size else None
    best = float(for_[-1]) if for_.size else None
    harm, health = math.log(len(HARMS) / parameters.alpha), -math.log(parameters.beta)
    status: Status = "inconclusive"
    if worst is not None and worst >= harm:
        status = "unhealthy"
    elif best is not None and best >= health:
        status = "healthy"
    looked = "no data" if best is None else f"no worse by {margin:g}: evidence {_told(best)} of {math.exp(health):.4g}"
    return Comparison(
        id=name,
        production=shares[0],
        canary=shares[1],
        evidence=_told(worst),
        threshold=significant(math.exp(harm)),
        status=status,
        message=f"{title}; {looked}",
    )


def _told(logarithm: float | None) -> float | None:
    """An e-value from its logarithm, to 4 significant digits and within what a float holds."""
    return None if logarithm is None else significant(math.exp(min(logarithm, LARGEST)))
