"""The confidence of many answers at once: one walk through the forest instead of one for each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tool.learn import confidence
from tool.learn.facts import Facts
from tool.learn.fields import FIELDS
from tool.learn.predictor import row
from tool.learn.rerank import RATE
from tool.learn.serve import Engine

AT_ONCE = 256
"""Cases a step: their leaves' weights take about 10 MB."""


def confidences(engine: Engine, cases: Sequence[Facts], rates: Sequence[float]) -> list[float]:
    """`engine.confidence(facts, rate)` for each pair. Equal cases are looked up once."""
    predictor, field = engine.predictor(RATE), FIELDS[RATE]
    forest = predictor.forest
    distinct = list(dict.fromkeys(cases))
    place = {facts: number for number, facts in enumerate(distinct)}
    weights = np.empty((len(distinct), len(forest.support)))
    for start in range(0, len(distinct), AT_ONCE):
        some = distinct[start : start + AT_ONCE]
        leaves = forest.leaves(np.array([row(field, facts) for facts in some]))
        weights[start : start + AT_ONCE] = forest.table[leaves].mean(axis=1)
    curve = engine.confidence_curve
    found: dict[tuple[Facts, float], float] = {}
    for facts, rate in zip(cases, rates, strict=True):
        if (facts, rate) not in found:
            near = np.abs(forest.support + field.law(facts) - field.scale(rate)) <= field.radius + 1e-9
            found[facts, rate] = confidence.apply(curve, float(weights[place[facts]][near].sum()))
    return [found[pair] for pair in zip(cases, rates, strict=True)]
