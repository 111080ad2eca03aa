"""Robust weighted statistics over published choices.

Weights follow from one thought: a value that a repository copied into a hundred files is one opinion. Within a
repository the values share its weight in proportion to the square root of the number of models they were chosen for;
a repository that made k different choices weighs √k. So 76 models at one learning rate weigh 1, and not 76.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

LAW_WEIGHT = 4.0
"""Weight of the wider group's value in a group's consensus, in repositories with one choice each."""
WINDOW = math.log10(2.0) + 1e-9
"""Two values agree when they are within a factor of two: the tolerance that learning rates are judged by."""
DECLINE = 0.25
"""What a choice at the edge of the window loses. From 0.2 to 0.3 all do equally well on left-out repositories."""


class Choice(NamedTuple):
    """A repository chose a value for a model."""

    repository: str
    model: str
    value: float | str


class Weighted(NamedTuple):
    """Distinct values with their weights, sorted by value."""

    values: tuple[float | str, ...]
    weights: tuple[float, ...]
    n: int
    repositories: int


def weigh(choices: Iterable[Choice]) -> Weighted:
    """Distinct values with the weight of the repositories behind each."""
    by_repository: dict[str, dict[float | str, set[str]]] = {}
    for choice in choices:
        by_repository.setdefault(choice.repository, {}).setdefault(choice.value, set()).add(choice.model)
    totals: dict[float | str, float] = {}
    n = 0
    for _, values in sorted(by_repository.items()):
        shares = {value: math.sqrt(len(models)) for value, models in values.items()}
        scale = math.sqrt(len(values)) / sum(shares.values())
        for value, share in shares.items():
            totals[value] = totals.get(value, 0.0) + share * scale
        n += sum(len(models) for models in values.values())
    ordered = sorted(totals.items(), key=lambda pair: (str(type(pair[0])), pair[0]))
    return Weighted(tuple(value for value, _ in ordered), tuple(weight for _, weight in ordered), n, len(by_repository))


def quantile(values: Sequence[float], weights: Sequence[float], share: float) -> float:
    """The weighted quantile: the least value that at least `share` of the weight does not exceed."""
    target = share * sum(weights) - 1e-12
    total = 0.0
    for value, weight in zip(values, weights, strict=True):
        total += weight
        if total >= target:
            return value
    return values[-1]


def consensus(values: Sequence[float], weights: Sequence[float], parent: float) -> float:
    """The value within a factor of two of which most of the weight lies; the parent counts as LAW_WEIGHT more.

    Published learning rates stand in clusters a factor of ten apart; a mean falls between them, where nobody is. The
    centre of the densest window is a choice or the geometric middle of two neighbours that agree. A choice at the
    window's edge counts DECLINE less than one at its centre, so that enough voices overrule the parent altogether
    instead of half. Among equally good centres the nearest to the parent wins, so that a thin group keeps its value.
    """
    home = math.log10(parent)
    points = [(math.log10(value), weight) for value, weight in zip(values, weights, strict=True)]
    points = sorted([*points, (home, LAW_WEIGHT)])
    logs = [log for log, _ in points]
    middles = [(a + b) / 2 for a, b in pairwise(logs) if b - a <= 2 * WINDOW]
    best, best_key = home, (-1.0, 0.0)
    for centre in sorted({*logs, *middles}):
        inside = ((abs(log - centre) / WINDOW, weight) for log, weight in points)
        support = sum(weight * (1 - DECLINE * distance) for distance, weight in inside if distance <= 1)
        key = (round(support, 9), -abs(centre - home))
        if key > best_key:
            best, best_key = centre, key
    return float(10.0**best)


def shrunk_median(values: Sequence[float], weights: Sequence[float], parent: float) -> float:
    """The weighted median with the parent among the observations: for all but learning rates.

    It depends on the order of values alone, and so fits counts, shares and lengths alike.
    """
    pairs = sorted([*zip(values, weights, strict=True), (parent, LAW_WEIGHT)])
    return quantile([value for value, _ in pairs], [weight for _, weight in pairs], 0.5)


def shrunk_mode(values: Sequence[str], weights: Sequence[float], parent: str) -> str:
    """The name with most weight, the parent's counting LAW_WEIGHT more; ties go to the parent, then by name."""
    totals = dict(zip(values, weights, strict=True))
    totals[parent] = totals.get(parent, 0.0) + LAW_WEIGHT
    return max(sorted(totals), key=lambda name: (round(totals[name], 9), name == parent))
