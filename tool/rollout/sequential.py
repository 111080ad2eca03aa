"""E-processes: evidence that may be looked at after every run, and stopped on, without a false alarm more often than α.

An e-process is a nonnegative process whose mean under the null hypothesis is at most 1 at any stopping time, so it ever
reaches 1/α with probability at most α (Ville 1939). Two Bernoulli streams are compared block by block after Turner, Ly
and Grünwald, "Generic E-variables for exact sequential k-sample tests that allow for optional stopping", Journal of
Statistical Planning and Inference 230 (2024), arXiv:2106.02693. Means of bounded values are bet on after Waudby-Smith
and Ramdas, "Estimating means of bounded random variables by betting", JRSS B 86 (2024), arXiv:2010.09686; the share of
a slot is tested after Lindon and Malek, "Anytime-valid inference for multinomial count data", NeurIPS 2022.

Every function takes arrays whose last axis is time and returns the natural logarithm of the process, same shape.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
MOST = 0.95
"""No bet holds that more than this share of runs goes wrong."""
TINY = 1e-9
HALVINGS = 40


def blocks_of(fraction: float) -> int:
    """Production runs that stand beside one run of a canary with this share; 0 for a share of nothing."""
    return max(1, round((1 - fraction) / fraction)) if fraction > 0 else 0


def _rates(bad: Array, size: float, prior: Sequence[float]) -> Array:
    """Share of bad runs as known before each block, beginning with the prior's `(bad, good)` pseudo-runs."""
    before = np.cumsum(bad, axis=-1) - bad
    seen = size * np.arange(bad.shape[-1])
    found: Array = (before + prior[0]) / (seen + prior[0] + prior[1])
    return found


def _gain(count: Array, size: int, bet: Array, null: Array) -> Array:
    """Log likelihood ratio of `count` bad ones out of `size`."""
    gain: Array = count * np.log(bet / null) + (size - count) * np.log((1 - bet) / (1 - null))
    return gain


def _mean_of(logs: list[Array]) -> Array:
    """Logarithm of the mean of some processes; a mean of e-processes is one."""
    stacked = np.stack(logs)
    top = stacked.max(axis=0)
    mean: Array = top + np.log(np.mean(np.exp(stacked - top), axis=0))
    return mean


def worse(canary: Array, production: Array, size: int, ratios: Sequence[float], prior: Sequence[float]) -> Array:
    """Evidence that the canary's bad rate is above production's, mixed over how many times higher it may be.

    `canary` holds 0 or 1 for the canary's run of each block, `production` the bad ones of its `size` production runs.
    The bet of a block is made from the blocks before it. With θ₀ the pooled rate of the bet, the mean of a block's
    factor under any p_canary ≤ p_production is at most 1: log(1+x) ≤ x turns it into the slope of the divergence
    towards that point, and θ₀ is where the divergence is least. The rates themselves may drift from block to block.
    """
    base = np.minimum(_rates(production, size, prior), MOST)
    logs = []
    for ratio in ratios:
        bet = np.minimum(base * ratio, MOST)
        pooled = (size * base + bet) / (size + 1)
        logs.append(np.cumsum(_gain(canary, 1, bet, pooled) + _gain(production, size, base, pooled), axis=-1))
    return _mean_of(logs)


def no_worse(canary: Array, production: Array, size: int, margin: float, prior: Sequence[float]) -> Array:
    """Evidence that the canary's bad rate is less than production's plus `margin`: what speaks for health.

    The bet is that both share one rate; the null's nearest point (s, s + margin) is found by halving.
    """
    bet = np.minimum(_rates(canary + production, size + 1, prior), 1 - margin - TINY)
    low, high = np.full_like(bet, TINY), bet.copy()
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        other = middle + margin
        slope = size * (middle - bet) / (middle * (1 - middle)) + (other - bet) / (other * (1 - other))
        low, high = np.where(slope < 0, middle, low), np.where(slope < 0, high, middle)
    total: Array = np.cumsum(_gain(canary, 1, bet, low + margin) + _gain(production, size, bet, low), axis=-1)
    return total


def mean_above(values: Array, least: float, bound: float, stakes: Sequence[float]) -> Array:
    """Evidence that the mean of values is above `bound`; no value is below `least`. Stakes: shares of the capital."""
    scale = bound - least
    return _mean_of([np.cumsum(np.log1p(stake * (values - bound) / scale), axis=-1) for stake in stakes])


def mean_below(values: Array, most: float, bound: float, stakes: Sequence[float]) -> Array:
    """Evidence that the mean of values is below `bound`; no value is above `most`."""
    return mean_above(-values, -most, -bound, stakes)


def share_off(canary: int, total: int, share: float, strength: float = 100.0) -> float:
    """Log evidence that the canary's share of runs is not the routed one.

    A mixture over shares by a Beta distribution centred on the routed one, worth `strength` runs (Lindon and Malek).
    """
    if not 0 < share < 1:
        return math.inf if canary else 0.0
    first, second = strength * share, strength * (1 - share)
    mixture = _beta(first + canary, second + total - canary) - _beta(first, second)
    return mixture - canary * math.log(share) - (total - canary) * math.log1p(-share)


def _beta(first: float, second: float) -> float:
    """Logarithm of the Beta function."""
    return math.lgamma(first) + math.lgamma(second) - math.lgamma(first + second)


def column(values: Sequence[Any]) -> Array:
    """A stream as an array."""
    return np.asarray(values, dtype=np.float64)
