"""Confidence: P(an expert's learning rate is within a factor of two of ours, and the run fits), calibrated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
RIDGE = 1.0  # strength of the pull towards "as published": slope 1, offset 0
STEPS = 50


def features(mass: Floats) -> Floats:
    """Log-odds of the raw mass, kept away from certainty."""
    inside: Floats = np.clip(mass, 0.02, 0.98)
    odds: Floats = np.log(inside / (1 - inside))
    return odds


def fit(mass: Floats, hit: Floats, weights: Floats) -> tuple[float, float]:
    """(offset, slope) of a logistic curve over the log-odds, by Newton's method; weights are repositories' shares.

    The penalty pulls towards slope 0.5 and the base rate: half trust in the spread, until the data say otherwise.
    """
    base = float(np.clip((weights @ hit) / weights.sum(), 0.02, 0.98))
    x = np.column_stack([np.ones_like(mass), features(mass)])
    scaled = weights / weights.sum() * len(mass)
    prior = np.array([np.log(base / (1 - base)), 0.5])
    beta = prior.copy()
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-x @ beta))
        gradient = x.T @ (scaled * (p - hit)) + RIDGE * np.array([0.0, 1.0]) * (beta - prior)
        hessian = (x * (scaled * p * (1 - p))[:, None]).T @ x + RIDGE * np.diag([1e-6, 1.0])
        step = np.linalg.solve(hessian, gradient)
        beta = beta - step
        if float(np.abs(step).max()) < 1e-10:
            break
    if beta[1] < 0:
        return float(prior[0]), 0.0  # a wider spread never makes agreement likelier: the base rate is all we know
    return float(beta[0]), float(beta[1])


def apply(curve: Sequence[float], mass: float) -> float:
    """Calibrated probability for a raw mass."""
    offset, slope = curve
    return float(1 / (1 + np.exp(-(offset + slope * features(np.array([mass]))[0]))))


def brier(probability: Floats, hit: Floats, weights: Floats) -> float:
    """Weighted mean squared error of probabilities."""
    return float((weights * (probability - hit) ** 2).sum() / weights.sum())


def calibration_error(probability: Floats, hit: Floats, weights: Floats, bins: int = 10) -> float:
    """Expected calibration error over equally wide bins, weighted."""
    share = weights / weights.sum()
    place = np.minimum((probability * bins).astype(int), bins - 1)
    error = 0.0
    for number in range(bins):
        inside = place == number
        if inside.any():
            error += abs(float((share[inside] * (probability[inside] - hit[inside])).sum()))
    return error
