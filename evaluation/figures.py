"""Small arithmetic of the scores: weighted quantiles, calibration, bootstrap over repositories."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
RESAMPLES = 400
SEED = 20261124
INTERVAL = (5.0, 95.0)
"""Percentiles of the bootstrap: a 90 % interval."""
BINS = 5
"""Equally wide bins of stated confidence; a few hundred cases do not fill more."""


def mean(values: Floats, weights: Floats) -> float:
    return float((values * weights).sum() / weights.sum())


def quantile(values: Floats, weights: Floats, share: float) -> float:
    """The least value with at least `share` of the weight at or below it."""
    order = np.argsort(values, kind="stable")
    total = np.cumsum(weights[order])
    place = int(np.searchsorted(total, share * total[-1] * (1 - 1e-12)))
    return float(values[order][min(place, len(values) - 1)])


def calibration_error(stated: Floats, hit: Floats, weights: Floats) -> float:
    """Expected calibration error: |stated − seen| by bin, weighted by the bin's share (Naeini et al. 2015)."""
    place = np.minimum((stated * BINS).astype(int), BINS - 1)
    share = weights / weights.sum()
    gaps = [abs(float((share[place == b] * (stated[place == b] - hit[place == b])).sum())) for b in range(BINS)]
    return float(sum(gaps))


def brier(stated: Floats, hit: Floats, weights: Floats) -> float:
    """Mean squared error of the stated probability (Brier 1950)."""
    return mean((stated - hit) ** 2, weights)


def interval(score: Callable[[NDArray[np.intp]], float], clusters: Sequence[str]) -> tuple[float, float]:
    """90 % bootstrap interval of a score. Whole repositories are drawn: their cases do not err independently."""
    names = sorted(set(clusters))
    labels = np.array(clusters)
    members = [np.flatnonzero(labels == name) for name in names]
    generator = np.random.default_rng(SEED)
    draws = generator.integers(0, len(names), size=(RESAMPLES, len(names)))
    scores = [score(np.concatenate([members[pick] for pick in draw])) for draw in draws]
    low, high = np.percentile(scores, INTERVAL)
    return float(low), float(high)
