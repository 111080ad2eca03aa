"""The reranker: candidate learning rates for one case, scored by what experts chose and what sweeps measured."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tool.learn.distribution import Distribution, mixture
from tool.learn.facts import TYPICAL_PARAMS_B, Facts
from tool.learn.fields import FIELDS
from tool.learn.forest import Forest
from tool.learn.neighbours import Neighbours
from tool.learn.predictor import Predictor

Floats = NDArray[np.float64]
RATE = "learning_rate"
NAMES = (
    "above_law",
    "distance_to_law",
    "mass_forest",
    "mass_neighbours",
    "above_forest_median",
    "above_neighbour_median",
    "neighbours",
    "log10_params",
    "adapter",
    "preference",
    "grpo",
    "cpt",
)
GRID = (-1.0, -0.7, -0.52, -0.3, -0.15, 0.0, 0.15, 0.3, 0.52, 0.7, 1.0)  # decades around the law
EXPERT_WIDTH = 0.3  # decades: an expert's choice within a factor of two is nearly as good as the choice itself
REGRET_SCALE = 0.02  # relative loss: two percent above the best of a sweep is worth 1/e
STEP = 0.05  # targets are rounded to this, which keeps the leaves' tables small


@dataclass(frozen=True)
class Candidates:
    """Rates (log10) with their features, one row each."""

    rates: Floats
    features: Floats
    mass: Floats


def candidates(facts: Facts, predictor: Predictor, neighbours: Neighbours) -> Candidates:
    """The grid around the law, the predictor's point, and the rates of the nearest recipes."""
    law = predictor.spec.law(facts)
    spread = predictor.spread(facts)
    found = neighbours.spread(facts, RATE)
    near, count = found if found is not None else (spread, 0)
    places = near.values[np.argsort(-near.weights, kind="stable")[:10]]
    options = {round(law + step, 3) for step in GRID} | {round(float(value), 3) for value in places}
    options.add(round(predictor.point(facts), 3))
    rates = np.array(sorted(options))
    return Candidates(rates, features(rates, law, spread, near, count, facts), mass_near(mixed(spread, near), rates))


def mixed(spread: Distribution, near: Distribution) -> Distribution:
    return mixture([(0.5, spread), (0.5, near)])


def mass_near(spread: Distribution, rates: Floats) -> Floats:
    """Weight within a factor of two of each rate."""
    near = np.abs(spread.values[None, :] - rates[:, None]) <= FIELDS[RATE].radius + 1e-9
    mass: Floats = (near * spread.weights[None, :]).sum(axis=1)
    return mass


def features(rates: Floats, law: float, spread: Distribution, near: Distribution, count: int, facts: Facts) -> Floats:
    """Pairs of (case, candidate) as numbers, in the order of `NAMES`."""
    rows = len(rates)
    case = (
        count,
        math.log10(facts.params_b or TYPICAL_PARAMS_B),
        float(facts.is_adapter),
        float(facts.group == "preference"),
        float(facts.group == "grpo"),
        float(facts.group == "cpt"),
    )
    pair = np.column_stack(
        [
            rates - law,
            np.abs(rates - law),
            mass_near(spread, rates),
            mass_near(near, rates),
            rates - spread.median(),
            rates - near.median(),
        ]
    )
    return np.hstack([pair, np.tile(case, (rows, 1))])


def expert_target(rates: Floats, chosen: float) -> Floats:
    """1 at the expert's choice, falling with the distance."""
    target: Floats = np.round(np.exp(-(((rates - chosen) / EXPERT_WIDTH) ** 2) / 2) / STEP) * STEP
    return target


def outcome_target(regrets: Floats) -> Floats:
    """1 at the best of a sweep, falling with the regret."""
    target: Floats = np.round(np.exp(-regrets / REGRET_SCALE) / STEP) * STEP
    return target


@dataclass(frozen=True)
class Reranker:
    """Scores candidates with a forest; the score is blended half and half with the plain mass around a candidate."""

    forest: Forest

    def score(self, options: Candidates) -> Floats:
        score: Floats = 0.5 * self.forest.means(options.features) + 0.5 * options.mass
        return score

    def best(self, options: Candidates, law: float) -> float:
        """log10 of the best candidate; among equals the nearest to the law."""
        score = self.score(options) - 1e-3 * np.abs(options.rates - law)
        return float(options.rates[int(np.argmax(score))])
