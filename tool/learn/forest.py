"""A forest of regression trees as plain arrays: what scikit-learn fitted, served with numpy alone.

Each leaf holds the weights of the training values that fell into it, so that the forest answers with a whole
distribution and not with a mean only (Meinshausen 2006, Quantile regression forests).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tool.learn.distribution import Distribution

LEAF = -1


@dataclass(frozen=True)
class Forest:
    """Nodes of all trees in one row of arrays. `feature` is LEAF at leaves, whose `left` is their row in `table`.

    `support` are the distinct training targets, ascending; `table[leaf]` their weights in that leaf (sum 1).
    """

    roots: NDArray[np.int32]
    feature: NDArray[np.int16]
    threshold: NDArray[np.float64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    support: NDArray[np.float64]
    table: NDArray[np.float64]

    def leaves(self, rows: NDArray[np.float64]) -> NDArray[np.int32]:
        """For each case (row) and tree the row of `table` it falls into.

        scikit-learn compares in single precision; so do we.
        """
        cases = rows.astype(np.float32).astype(np.float64)
        nodes = np.repeat(self.roots[None, :], len(cases), axis=0)
        place = np.arange(len(cases))[:, None]
        while True:
            feature = self.feature[nodes]
            inner = feature != LEAF
            if not inner.any():
                return self.left[nodes]
            goes_left = cases[place, np.where(inner, feature, 0)] <= self.threshold[nodes]
            nodes = np.where(inner, np.where(goes_left, self.left[nodes], self.right[nodes]), nodes)

    def distribution(self, row: NDArray[np.float64]) -> Distribution:
        """Training targets weighted by how often they share a leaf with this case."""
        return Distribution(self.support, self.table[self.leaves(row[None, :])[0]].mean(axis=0))

    @cached_property
    def leaf_means(self) -> NDArray[np.float64]:
        """Mean target of each leaf."""
        means: NDArray[np.float64] = self.table @ self.support
        return means

    def means(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """What scikit-learn's `predict` gives, one value a case."""
        means: NDArray[np.float64] = self.leaf_means[self.leaves(rows)].mean(axis=1)
        return means

    def arrays(self, prefix: str) -> dict[str, NDArray[np.generic]]:
        """The arrays to be saved, by name."""
        return {f"{prefix}.{field.name}": getattr(self, field.name) for field in fields(self)}

    @staticmethod
    def from_arrays(arrays: dict[str, NDArray[np.generic]], prefix: str) -> Forest:
        """The reverse of `arrays`. Raises KeyError when one is missing."""
        return Forest(**{field.name: arrays[f"{prefix}.{field.name}"] for field in fields(Forest)})  # type: ignore[arg-type]
