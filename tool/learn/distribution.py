"""A weighted sample as a distribution: quantiles, mass around a point, and the score of a forecast."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Distribution:
    """Values in ascending order with weights that sum to one."""

    values: Floats
    weights: Floats

    @staticmethod
    def of(values: Floats, weights: Floats) -> Distribution:
        """From a sample in any order; weights of any sum, at least one above zero."""
        order = np.argsort(values, kind="stable")
        return Distribution(values[order], weights[order] / weights.sum())

    def shifted(self, by: float) -> Distribution:
        return Distribution(self.values + by, self.weights)

    def quantile(self, level: float) -> float:
        """The smallest value that at least `level` of the weight does not exceed."""
        place = int(np.searchsorted(np.cumsum(self.weights), level - 1e-12))
        return float(self.values[min(place, len(self.values) - 1)])

    def median(self) -> float:
        return self.quantile(0.5)

    def mass(self, centre: float, radius: float) -> float:
        """Weight within `radius` of `centre`, both ends included."""
        return float(self.weights[np.abs(self.values - centre) <= radius + 1e-9].sum())

    def level(self, value: float) -> float:
        """Share of weight below `value`, half of what lies on it (the probability integral transform)."""
        below, on = self.values < value - 1e-9, np.abs(self.values - value) <= 1e-9
        return float(self.weights[below].sum() + self.weights[on].sum() / 2)

    def crps(self, truth: float) -> float:
        """Continuous ranked probability score: E|X - truth| - E|X - X'| / 2; the absolute error for a single point.

        Gneiting and Raftery 2007, Strictly proper scoring rules, equation 21.
        """
        cumulated = np.cumsum(self.weights)[:-1]
        spread = float((cumulated * (1 - cumulated) * np.diff(self.values)).sum())
        return float((self.weights * np.abs(self.values - truth)).sum()) - spread


def point(value: float) -> Distribution:
    """All weight on one value."""
    return Distribution(np.array([value]), np.array([1.0]))


def mixture(parts: list[tuple[float, Distribution]]) -> Distribution:
    """Distributions mixed by weight."""
    values = np.concatenate([part.values for _, part in parts])
    weights = np.concatenate([share * part.weights for share, part in parts])
    return Distribution.of(values, weights)
