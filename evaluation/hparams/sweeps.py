"""Regret on real sweeps: the learning rate of an engine that did not see the sweep's task × method."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.hparams.baselines import RATES, tinker
from tool.learn.correction import correct, optima
from tool.learn.fields import FIELDS, rule_of_thumb
from tool.learn.fit import across_folds, expert_blocks, facts_of_curve, fit_reranker
from tool.learn.fit import fit_predictor as fit_one
from tool.learn.grow import Settings
from tool.learn.neighbours import Neighbours, rows_of
from tool.learn.opinions import Opinion
from tool.learn.outcomes import Curve
from tool.learn.rerank import RATE, candidates
from tool.learn.serve import MEASURED_DECIDES

OURS = "ours (auto)"
METHOD = "ours, whole method left out"
STRICT = "ours, whole task left out"
BLIND = "ours, no sweep at all"


@dataclass(frozen=True)
class Scored:
    """Regret of every way of answering on one curve, and the rates that were answered."""

    curve: Curve
    rates: dict[str, float]

    def regret(self, name: str) -> float:
        return self.curve.regret(self.rates[name])


def score(items: Sequence[Opinion], curves: Sequence[Curve], settings: Settings) -> list[Scored]:
    """All curves whose best rate was bracketed."""
    rated = [item for item in items if RATE in item.values]
    predictor = fit_one(FIELDS[RATE], rated, settings)[1]
    blocks = expert_blocks(rated, across_folds(FIELDS[RATE], rated, settings))
    reranker, neighbours = fit_reranker(blocks, settings)[1], Neighbours(rows_of(rated))

    def ours(curve: Curve, known: Sequence[Curve]) -> float:
        facts, law = facts_of_curve(curve), rule_of_thumb(facts_of_curve(curve))
        found = correct(optima(known), facts, curve.lora_r, curve.alpha_ratio)
        if found is None or found.weight < MEASURED_DECIDES:
            return float(10.0 ** reranker.best(candidates(facts, predictor, neighbours), law))
        return float(10.0 ** ((1 - found.weight) * law + found.weight * found.rate))

    scored = []
    for curve in curves:
        if not curve.is_bracketed:
            continue
        facts = facts_of_curve(curve)
        rates = {name: 10.0 ** answer(facts) for name, answer in RATES.items() if "tinker" not in name}
        law = tinker(facts)
        rates["tinker law"] = 10.0 ** (law if law is not None else math.nan)
        rates[OURS] = ours(curve, [other for other in curves if other.id != curve.id])
        rates[METHOD] = ours(curve, [other for other in curves if other.method != curve.method])
        rates[STRICT] = ours(curve, [other for other in curves if other.task != curve.task])
        rates[BLIND] = ours(curve, [])
        scored.append(Scored(curve, rates))
    return scored


def summary(scored: Sequence[Scored]) -> dict[str, tuple[float, float]]:
    """(mean, worst) regret by way of answering."""
    names = scored[0].rates if scored else {}
    pick: Callable[[str], list[float]] = lambda name: [item.regret(name) for item in scored]  # noqa: E731
    return {name: (float(np.mean(pick(name))), max(pick(name))) for name in names}
