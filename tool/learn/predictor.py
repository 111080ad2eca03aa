"""The predictor of one field: a forest around the published law, a point, an interval and a probability."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tool.learn.distribution import Distribution, mixture, point
from tool.learn.facts import COLUMNS, Facts, vector
from tool.learn.fields import FIELDS, Field, round_rates
from tool.learn.forest import Forest

_LENGTH_COLUMNS = (COLUMNS.index("log2_length"), COLUMNS.index("length_known"))


@dataclass(frozen=True)
class Predictor:
    """Serves one field. `law_share` is the weight of the law beside the forest; `level` and `widen` give the interval.

    `law_share` 1 means that held-out repositories gave the forest no say in the point (it still gives the spread).
    """

    field: str
    forest: Forest
    law_share: float
    level: float
    widen: float
    rows: int
    repositories: int

    @property
    def spec(self) -> Field:
        return FIELDS[self.field]

    def spread(self, facts: Facts) -> Distribution:
        """What careful people choose for such a case, on the field's scale."""
        return residuals(self.forest, row(self.spec, facts)).shifted(self.spec.law(facts))

    def point(self, facts: Facts) -> float:
        """The recommended value on the field's scale."""
        law = self.spec.law(facts)
        if self.law_share >= 1:
            return law
        mixed = mixture([(1 - self.law_share, self.spread(facts)), (self.law_share, point(law))])
        if self.field == "learning_rate":
            return densest(mixed, law, self.spec.radius)
        return mixed.median()

    def interval(self, facts: Facts) -> tuple[float, float]:
        """Conformal 90 % interval on the field's scale: the middle `level` of the spread, widened by the margin."""
        low, high = middle(self.spread(facts), self.level)
        return low - self.widen, max(low - self.widen, high + self.widen)


def row(field: Field, facts: Facts) -> NDArray[np.float64]:
    """The case as numbers, with the length hidden where it is what is asked for."""
    values = np.array(vector(facts))
    if not field.uses_length:
        values[list(_LENGTH_COLUMNS)] = 0.0
    return values


def residuals(forest: Forest, case: NDArray[np.float64]) -> Distribution:
    return _cached(_Key(forest, case.tobytes()))


class _Key:
    """Identity of the forest and bytes of the case: batches ask the same again and again."""

    __slots__ = ("case", "forest")

    def __init__(self, forest: Forest, case: bytes) -> None:
        self.forest, self.case = forest, case

    def __hash__(self) -> int:
        return hash((id(self.forest), self.case))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and self.forest is other.forest and self.case == other.case


@lru_cache(maxsize=8192)
def _cached(key: _Key) -> Distribution:
    return key.forest.distribution(np.frombuffer(key.case))


def middle(spread: Distribution, level: float) -> tuple[float, float]:
    """The central `level` of a distribution."""
    tail = (1 - level) / 2
    return spread.quantile(tail), spread.quantile(1 - tail)


def densest(spread: Distribution, law: float, radius: float) -> float:
    """The round rate with most weight within `radius`; among equals the nearest to the law."""
    options = np.array(round_rates())
    options = options[np.abs(options - law) <= 1.5]
    if not options.size:
        return law
    near = np.abs(spread.values[None, :] - options[:, None]) <= radius + 1e-9
    mass = (near * spread.weights[None, :]).sum(axis=1) - 1e-3 * np.abs(options - law)
    return float(options[int(np.argmax(mass))])
