"""The hybrid strategy: the nearest published recipes, weighted by likeness and by how independent their authors are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tool.learn.distribution import Distribution
from tool.learn.facts import TYPICAL_PARAMS_B, Facts
from tool.learn.fields import FIELDS
from tool.learn.opinions import Opinion
from tool.learn.opinions import weights as opinion_weights
from tool.rounding import significant

Floats = NDArray[np.float64]
NEAREST = 40
SHOWN = 5
SIZE_SCALE = 0.5  # decades of parameters
LENGTH_SCALE = 2.0  # doublings of the length
OTHER_QUANTIZATION, OTHER_TASK, OTHER_FAMILY = 0.6, 0.7, 0.85
LAW_WEIGHT = 0.25  # the law's weight beside the neighbours', of all: one voice among four


@dataclass(frozen=True)
class Neighbour:
    """One recipe near a case."""

    id: str
    repository: str
    link: str
    model: str | None
    likeness: float
    values: dict[str, float]


class Neighbours:
    """Published choices as arrays, to be compared with one case at a time."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        """`rows` as `row_of` writes them."""
        self.rows = rows
        self._group = np.array([row["group"] for row in rows])
        self._adapter = np.array([row["adapter"] for row in rows])
        self._task = np.array([row["task_type"] for row in rows])
        self._family = np.array([row["family"] or "" for row in rows])
        self._size = np.array([math.log10(row["params_b"] or TYPICAL_PARAMS_B) for row in rows])
        self._length = np.array([math.log2(row["seq_len"]) if row["seq_len"] else np.nan for row in rows])
        self._weight = {name: np.array([row["weights"].get(name, 0.0) for row in rows]) for name in FIELDS}
        self._values = {name: np.array([row["values"].get(name, np.nan) for row in rows]) for name in FIELDS}

    def likeness(self, facts: Facts) -> Floats:
        """0..1 for every recipe; 0 where objective or adapter make it another kind of run."""
        adapts = self._adapter != "full"
        alike = (self._group == facts.group) & (adapts == facts.is_adapter)
        result: Floats = alike.astype(np.float64)
        result *= np.where(self._adapter == facts.adapter, 1.0, OTHER_QUANTIZATION)
        if facts.task_type != "unknown":
            result *= np.where(self._task == facts.task_type, 1.0, OTHER_TASK)
        if facts.family:
            result *= np.where(self._family == facts.family, 1.0, OTHER_FAMILY)
        if facts.params_b:
            result *= np.exp(-(((self._size - math.log10(facts.params_b)) / SIZE_SCALE) ** 2) / 2)
        if facts.seq_len:
            gap = np.nan_to_num(self._length - math.log2(facts.seq_len), nan=LENGTH_SCALE)
            result *= np.exp(-((gap / LENGTH_SCALE) ** 2) / 2)
        return result

    def spread(self, facts: Facts, field: str) -> tuple[Distribution, int] | None:
        """What the nearest recipes chose, on the field's scale, and how many they are; None where none is in reach."""
        weights = self.likeness(facts) * self._weight[field]
        known = ~np.isnan(self._values[field]) & (weights > 0)
        places = np.flatnonzero(known)
        if places.size == 0:
            return None
        places = places[np.argsort(-weights[places], kind="stable")[:NEAREST]]
        return Distribution.of(self._values[field][places], weights[places]), int(places.size)

    def point(self, facts: Facts, field: str) -> tuple[float, Distribution, int] | None:
        """Weighted median of the nearest, the law among them; their spread; their number."""
        found = self.spread(facts, field)
        if found is None:
            return None
        spread, count = found
        values = np.append(spread.values, FIELDS[field].law(facts))
        weights = np.append(spread.weights * (1 - LAW_WEIGHT), LAW_WEIGHT)
        return Distribution.of(values, weights).median(), spread, count

    def nearest(self, facts: Facts, count: int = SHOWN) -> list[Neighbour]:
        """The nearest recipes to show a user, at most one a repository."""
        likeness = self.likeness(facts)
        shown: list[Neighbour] = []
        for place in np.argsort(-likeness, kind="stable"):
            row = self.rows[int(place)]
            if likeness[place] <= 0 or len(shown) == count:
                break
            if row["repository"] not in {item.repository for item in shown}:
                values = {name: significant(FIELDS[name].back(value)) for name, value in row["values"].items()}
                similarity = round(float(likeness[place]), 4)
                shown.append(Neighbour(row["id"], row["repository"], row["link"], row["model"], similarity, values))
        return shown


def row_of(item: Opinion, weights: dict[str, float]) -> dict[str, Any]:
    """One opinion as plain data for the engine: facts that are compared, choices on their fields' scales, weights."""
    facts = item.facts
    return {
        "id": item.id,
        "repository": item.repository,
        "link": item.link,
        "model": item.model,
        "group": facts.group,
        "adapter": facts.adapter,
        "task_type": facts.task_type,
        "family": facts.family,
        "params_b": facts.params_b,
        "seq_len": facts.seq_len,
        "values": {name: round(FIELDS[name].scale(value), 5) for name, value in item.values.items()},
        "weights": {name: float(f"{weight:.4g}") for name, weight in weights.items()},
    }


def rows_of(items: Sequence[Opinion]) -> list[dict[str, Any]]:
    """All opinions with their weights by field."""
    tables: list[dict[str, float]] = [{} for _ in items]
    for name in FIELDS:
        places = [place for place, item in enumerate(items) if name in item.values]
        for place, weight in zip(places, opinion_weights([items[p] for p in places], name), strict=True):
            tables[place][name] = float(weight)
    return [row_of(item, table) for item, table in zip(items, tables, strict=True)]
