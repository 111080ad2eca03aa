"""Fitting with scikit-learn: a seeded forest, and the same trees as plain arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tool.learn.forest import LEAF, Forest

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Settings:
    """How forests are grown. A leaf holds at least `leaf_share` of all weight, so that no one repository fills it."""

    trees: int = 40
    leaf_share: float = 0.05
    feature_share: float = 0.4
    seed: int = 20261124


def grow(cases: Floats, targets: Floats, weights: Floats, settings: Settings) -> tuple[Any, Forest]:
    """(scikit-learn forest for the record, the same trees as arrays for serving)."""
    from sklearn.ensemble import RandomForestRegressor

    model = RandomForestRegressor(
        n_estimators=settings.trees,
        min_weight_fraction_leaf=settings.leaf_share,
        max_features=settings.feature_share,
        bootstrap=False,
        random_state=settings.seed,
        n_jobs=1,
    )
    model.fit(cases, targets, sample_weight=weights * len(targets))
    return model, flatten(model, cases, targets, weights)


def flatten(model: Any, cases: Floats, targets: Floats, weights: Floats) -> Forest:
    """The trees of a fitted forest as arrays, with the weight of every distinct target in every leaf."""
    support, place = np.unique(targets, return_inverse=True)
    parts: list[tuple[Any, ...]] = []
    tables: list[Floats] = []
    roots, nodes, leaves = [], 0, 0
    landed = model.apply(cases)
    for number, estimator in enumerate(model.estimators_):
        tree = estimator.tree_
        ends = np.flatnonzero(tree.children_left == -1)
        row_of = {int(node): row for row, node in enumerate(ends)}
        table = np.zeros((len(ends), len(support)))
        rows = np.array([row_of[int(node)] for node in landed[:, number]])
        np.add.at(table, (rows, place), weights)
        is_leaf = tree.children_left == -1
        left = np.where(is_leaf, 0, tree.children_left + nodes)
        left[ends] = np.arange(len(ends)) + leaves
        right = np.where(is_leaf, 0, tree.children_right + nodes)
        parts.append((np.where(is_leaf, LEAF, tree.feature), tree.threshold, left, right))
        tables.append(table / table.sum(axis=1, keepdims=True))
        roots.append(nodes)
        nodes += tree.node_count
        leaves += len(ends)
    feature, threshold, left, right = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Forest(
        roots=np.array(roots, dtype=np.int32),
        feature=feature.astype(np.int16),
        threshold=np.where(feature == LEAF, 0.0, threshold).astype(np.float64),
        left=left.astype(np.int32),
        right=right.astype(np.int32),
        support=support,
        table=np.concatenate(tables),
    )
