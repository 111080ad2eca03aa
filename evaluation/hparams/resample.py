"""Means over repositories, and a paired bootstrap over repositories and their rows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
DRAWS = 2000
SEED = 5


def mean(by_repository: Mapping[str, Floats]) -> float:
    """Mean of the repositories' means: every repository counts once."""
    return float(np.mean([values.mean() for values in by_repository.values()]))


def paired(ours: Mapping[str, Floats], theirs: Mapping[str, Floats]) -> tuple[float, float, float]:
    """(mean, low, high) of theirs minus ours, 95 %: above zero, ours is better. Repositories are drawn, then rows."""
    generator = np.random.default_rng(SEED)
    gaps = [theirs[name] - ours[name] for name in sorted(ours)]
    means = np.empty(DRAWS)
    for draw in range(DRAWS):
        chosen = generator.integers(0, len(gaps), len(gaps))
        means[draw] = np.mean(
            [gaps[place][generator.integers(0, len(gaps[place]), len(gaps[place]))].mean() for place in chosen]
        )
    low, high = np.quantile(means, [0.025, 0.975])
    return float(np.mean([gap.mean() for gap in gaps])), float(low), float(high)
