"""Folds that never part a repository: what one author repeats must not be on both sides of a split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence


def repository_folds(repositories: Sequence[str], count: int = 6) -> list[list[int]]:
    """Places by fold. The largest repositories are dealt first, each to the emptiest fold; ties by name."""
    sizes = Counter(repositories)
    loads = [0] * count
    home: dict[str, int] = {}
    for name, size in sorted(sizes.items(), key=lambda item: (-item[1], item[0])):
        home[name] = loads.index(min(loads))
        loads[home[name]] += size
    folds: list[list[int]] = [[] for _ in range(count)]
    for place, name in enumerate(repositories):
        folds[home[name]].append(place)
    return [fold for fold in folds if fold]


def without(count: int, left_out: Sequence[int]) -> list[int]:
    """The places that are not left out."""
    gone = set(left_out)
    return [place for place in range(count) if place not in gone]
