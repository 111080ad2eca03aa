"""Which strategy decides for which kind of request: by error on held-out repositories, never by preference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tool.learn.facts import Facts
from tool.learn.fields import FIELDS
from tool.learn.fit import Fitted, by_repository, fit_reranker, others
from tool.learn.grow import Settings
from tool.learn.opinions import Opinion
from tool.learn.reach import kind_of
from tool.learn.rerank import RATE
from tool.priors import compute_priors, lookup
from tool.schema.priors import Priors
from tool.schema.recipe import Recipe

STRATEGIES = ("deterministic", "hybrid", "hybrid_ml")
FEWEST_REPOSITORIES = 5
STANDARD_ERRORS = 3.0  # sixteen comparisons (eight kinds, two rivals): 5 % in all is 0.3 % each
FOLD_SETTINGS = Settings(trees=30)
Floats = NDArray[np.float64]


def strategy_table(recipes: Sequence[Recipe], items: Sequence[Opinion], fitted: Fitted) -> list[dict[str, Any]]:
    """One row a kind of request: mean absolute log10 error of the learning rate by strategy, and the choice.

    The deterministic strategy keeps a kind unless another is better by more than STANDARD_ERRORS of the paired
    differences between repositories, and at least FEWEST_REPOSITORIES repositories speak.
    """
    rated = [item for item in items if RATE in item.values]
    errors = held_out_errors(recipes, rated, fitted)
    rows = []
    for kind in sorted({kind_of(item.facts) for item in rated}):
        places = [place for place, item in enumerate(rated) if kind_of(item.facts) == kind]
        repositories = [rated[place].repository for place in places]
        scores = {name: by_repository(errors[name][places], repositories, 1) for name in STRATEGIES}
        rows.append(
            {
                "kind": kind,
                "chosen": chosen(scores),
                "rows": len(places),
                "repositories": len(set(repositories)),
                "error": {name: round(float(score.mean()), 4) for name, score in scores.items()},
            }
        )
    return rows


def chosen(scores: dict[str, Floats]) -> str:
    """The strategy with the least error, by more than STANDARD_ERRORS; else the deterministic one."""
    base, best, best_gain = scores["deterministic"], "deterministic", 0.0
    if len(base) < FEWEST_REPOSITORIES:
        return best
    for name in STRATEGIES[1:]:
        gains = base - scores[name]
        if gains.mean() > max(STANDARD_ERRORS * float(gains.std(ddof=1) / np.sqrt(len(gains))), best_gain):
            best, best_gain = name, float(gains.mean())
    return best


def held_out_errors(recipes: Sequence[Recipe], rated: Sequence[Opinion], fitted: Fitted) -> dict[str, Floats]:
    """Absolute log10 errors of every strategy for opinions of unseen repositories."""
    errors = {name: np.zeros(len(rated)) for name in STRATEGIES}
    for predictor in {id(item.predictor): item.predictor for item in fitted.held_out}.values():
        places = {item.place for item in fitted.held_out if item.predictor is predictor}
        hidden = {rated[place].repository for place in places}
        priors = compute_priors([recipe for recipe in recipes if recipe.source.repo not in hidden])
        neighbours = others(rated, fitted.held_out, predictor)
        seen = [block for block in fitted.blocks if block.place not in places]
        reranker = fit_reranker(seen, FOLD_SETTINGS)[1]
        for block in fitted.blocks:
            if block.place is None or block.place not in places:
                continue
            facts = rated[block.place].facts
            truth = FIELDS[RATE].scale(rated[block.place].values[RATE])
            near, law = neighbours.point(facts, RATE), FIELDS[RATE].law(facts)
            errors["deterministic"][block.place] = abs(prior_rate(priors, facts) - truth)
            errors["hybrid"][block.place] = abs((near[0] if near is not None else law) - truth)
            errors["hybrid_ml"][block.place] = abs(reranker.best(block.options, law) - truth)
    return errors


def prior_rate(priors: Priors, facts: Facts) -> float:
    """log10 of the shrunk median of published recipes, as the deterministic strategy looks it up."""
    bucket = facts.size_bucket if facts.params_b else None
    found = lookup(priors, facts.task_type, facts.objective, bucket, facts.adapter, RATE)  # type: ignore[arg-type]
    return FIELDS[RATE].scale(float(found.value))
