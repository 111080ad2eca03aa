"""Opinions and measured outcomes → everything an engine serves. Pure: the same inputs and seed give the same engine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tool.learn import confidence
from tool.learn.correction import Optimum, optima
from tool.learn.facts import Facts
from tool.learn.fields import FIELDS, Field
from tool.learn.folds import repository_folds, without
from tool.learn.grow import Settings, grow
from tool.learn.neighbours import Neighbours, rows_of
from tool.learn.opinions import Opinion, weights
from tool.learn.outcomes import Curve
from tool.learn.predictor import Predictor, middle, row
from tool.learn.reach import Reach, measure
from tool.learn.rerank import RATE, Candidates, Reranker, candidates, expert_target, outcome_target

Floats = NDArray[np.float64]
LAW_SHARES = (0.3, 0.5)
COVERED = 0.9  # share of unseen choices that an interval is to hold
LEVELS = tuple(round(0.4 + 0.02 * step, 2) for step in range(30))  # central shares of the spread that are tried
SWEEP_WEIGHT = 0.3  # share of all training weight of the reranker that measured outcomes get
_FOLD_TREES = 30


@dataclass(frozen=True)
class Fitted:
    """What training gives. `records` are the scikit-learn models behind the forests, by artifact name.

    `held_out` and `blocks` are the learning rates of experts as seen by models that did not know their repository.
    """

    predictors: dict[str, Predictor]
    neighbours: Neighbours
    reranker: Reranker
    confidence: tuple[float, float]
    optima: tuple[Optimum, ...]
    reach: Reach
    records: dict[str, Any]
    held_out: tuple[HeldOut, ...]
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class HeldOut:
    """One opinion seen by models that never saw its repository."""

    place: int
    predictor: Predictor


def fit(items: Sequence[Opinion], curves: Sequence[Curve], settings: Settings, families: Iterable[str] = ()) -> Fitted:
    """Fit all parts. `families` are those of the model registry."""
    predictors, records = {}, {}
    for name, field in FIELDS.items():
        chosen = [item for item in items if name in item.values]
        records[name], predictors[name] = fit_predictor(field, chosen, settings)
    rated = [item for item in items if RATE in item.values]
    held_out = across_folds(FIELDS[RATE], rated, settings)
    blocks = expert_blocks(rated, held_out)
    records["reranker"], reranker = fit_reranker(blocks + sweep_blocks(rated, held_out, curves), settings)
    return Fitted(
        predictors=predictors,
        neighbours=Neighbours(rows_of(items)),
        reranker=reranker,
        confidence=fit_confidence(rated, held_out),
        optima=tuple(optima(curves)),
        reach=measure((item.facts for item in items), families),
        held_out=tuple(held_out),
        blocks=tuple(blocks),
        records=records,
    )


def fit_predictor(field: Field, items: Sequence[Opinion], settings: Settings) -> tuple[Any, Predictor]:
    """The forest of one field, its law share and its conformal margin, both from held-out repositories."""
    held_out = across_folds(field, items, settings)
    model, predictor = one_forest(field, items, settings)
    predictor = replace(predictor, law_share=law_share(field, items, held_out))
    level, widen = margin(field, items, held_out)
    return model, replace(predictor, level=level, widen=widen)


def one_forest(field: Field, items: Sequence[Opinion], settings: Settings) -> tuple[Any, Predictor]:
    """A forest over what experts chose above or below the law."""
    cases = np.array([row(field, item.facts) for item in items])
    targets = np.array([round(field.scale(item.values[field.name]) - field.law(item.facts), 4) for item in items])
    model, forest = grow(cases, targets, weights(items, field.name), settings)
    count = len({item.repository for item in items})
    return model, Predictor(field.name, forest, 0.5, COVERED, 0.0, len(items), count)


def across_folds(field: Field, items: Sequence[Opinion], settings: Settings) -> list[HeldOut]:
    """Every opinion with a predictor that was fitted to other repositories."""
    small = replace(settings, trees=_FOLD_TREES)
    found = []
    for fold in repository_folds([item.repository for item in items]):
        rest = [items[place] for place in without(len(items), fold)]
        if rest:
            predictor = one_forest(field, rest, small)[1]
            found += [HeldOut(place, predictor) for place in fold]
    return sorted(found, key=lambda item: item.place)


def law_share(field: Field, items: Sequence[Opinion], held_out: Sequence[HeldOut]) -> float:
    """1 (the law alone decides the point) unless a blend is better by more than one standard error.

    Errors are averaged by repository first; the standard error is that of the paired differences of repositories.
    """
    places = [item.place for item in held_out]
    truth = {place: field.scale(items[place].values[field.name]) for place in places}
    law = np.array([abs(field.law(items[place].facts) - truth[place]) for place in places])
    best, best_gain = 1.0, 0.0
    for share in LAW_SHARES:
        errors = np.array(
            [
                abs(replace(item.predictor, law_share=share).point(items[item.place].facts) - truth[item.place])
                for item in held_out
            ]
        )
        gains = by_repository(law - errors, [items[place].repository for place in places])
        error = float(gains.std(ddof=1) / np.sqrt(len(gains))) if len(gains) > 1 else np.inf
        if gains.mean() > max(error, best_gain):
            best, best_gain = share, float(gains.mean())
    return best


def by_repository(values: Floats, repositories: Sequence[str], fewest: int = 5) -> Floats:
    """Means by repository, of those with at least `fewest` values."""
    names = np.array(repositories)
    sizes = {name: int((names == name).sum()) for name in sorted(set(repositories))}
    return np.array([values[names == name].mean() for name, size in sizes.items() if size >= fewest])


def margin(field: Field, items: Sequence[Opinion], held_out: Sequence[HeldOut]) -> tuple[float, float]:
    """(level, widening) with which the middle of the spread covers COVERED of unseen choices, each counted once.

    The narrowest level that covers is taken: choices are round numbers, and a middle of 90 % often holds 98 %. Where
    none covers, the widest is widened by the conformal margin (Romano, Patterson and Candès 2019).
    """
    spreads = [item.predictor.spread(items[item.place].facts) for item in held_out]
    truths = np.array([field.scale(items[item.place].values[field.name]) for item in held_out])
    for level in LEVELS:
        scores = np.array(
            [_outside(middle(spread, level), truth) for spread, truth in zip(spreads, truths, strict=True)]
        )
        if float((scores <= 1e-9).mean()) >= COVERED:
            return level, 0.0
    return LEVELS[-1], round(float(np.quantile(scores, COVERED, method="higher")), 6)


def _outside(interval: tuple[float, float], truth: float) -> float:
    """How far a value lies outside an interval; below zero inside."""
    return max(interval[0] - truth, truth - interval[1])


def fit_confidence(items: Sequence[Opinion], held_out: Sequence[HeldOut]) -> tuple[float, float]:
    """The curve from raw mass to probability, over opinions of unseen repositories."""
    field = FIELDS[RATE]
    mass, hit = [], []
    for item in held_out:
        facts, truth = items[item.place].facts, field.scale(items[item.place].values[RATE])
        centre = item.predictor.point(facts)
        mass.append(item.predictor.spread(facts).mass(centre, field.radius))
        hit.append(float(abs(centre - truth) <= field.radius + 1e-9))
    offset, slope = confidence.fit(np.array(mass), np.array(hit), weights(items, RATE))
    return round(offset, 6), round(slope, 6)


@dataclass(frozen=True)
class Block:
    """One case's candidates for the reranker: `place` of the opinion (None: a sweep), and the weight of the case."""

    place: int | None
    options: Candidates
    target: Floats
    weight: float


def expert_blocks(items: Sequence[Opinion], held_out: Sequence[HeldOut]) -> list[Block]:
    """What experts chose among candidates that were proposed without knowing their repository."""
    shares = weights(items, RATE)
    known: dict[int, Neighbours] = {}
    blocks = []
    for item in held_out:
        opinion = items[item.place]
        if id(item.predictor) not in known:
            known[id(item.predictor)] = others(items, held_out, item.predictor)
        options = candidates(opinion.facts, item.predictor, known[id(item.predictor)])
        target = expert_target(options.rates, FIELDS[RATE].scale(opinion.values[RATE]))
        blocks.append(Block(item.place, options, target, float(shares[item.place])))
    return blocks


def sweep_blocks(items: Sequence[Opinion], held_out: Sequence[HeldOut], curves: Sequence[Curve]) -> list[Block]:
    """What sweeps measured at the candidates' rates. Together they weigh SWEEP_WEIGHT of all."""
    if not curves or not held_out:
        return []
    predictor, known = held_out[0].predictor, Neighbours(rows_of(items))
    each = SWEEP_WEIGHT / (1 - SWEEP_WEIGHT) / len(curves)
    blocks = []
    for curve in curves:
        options = candidates(facts_of_curve(curve), predictor, known)
        regrets = np.array([curve.regret(10.0**rate) for rate in options.rates])
        blocks.append(Block(None, options, outcome_target(regrets), each))
    return blocks


def fit_reranker(blocks: Sequence[Block], settings: Settings) -> tuple[Any, Reranker]:
    """A forest over pairs (case, candidate): what experts chose, and what sweeps measured."""
    cases = np.vstack([block.options.features for block in blocks])
    targets = np.concatenate([block.target for block in blocks])
    pairs = np.concatenate([np.full(len(block.target), block.weight / len(block.target)) for block in blocks])
    model, forest = grow(cases, targets, pairs / pairs.sum(), replace(settings, leaf_share=0.02, feature_share=0.5))
    return model, Reranker(forest)


def others(items: Sequence[Opinion], held_out: Sequence[HeldOut], predictor: Predictor) -> Neighbours:
    """Neighbours from all repositories but those that this predictor was kept from."""
    hidden = {items[item.place].repository for item in held_out if item.predictor is predictor}
    return Neighbours(rows_of([item for item in items if item.repository not in hidden]))


def facts_of_curve(curve: Curve) -> Facts:
    """The case that a sweep stands for."""
    return Facts(
        objective=curve.objective,
        adapter=curve.adapter,
        task_type=curve.task_type,
        family="smollm" if "smollm" in curve.model.lower() else None,
        params_b=curve.parameters / 1e9,
        hidden_size=curve.hidden_size,
        instruct="instruct" in curve.model.lower(),
    )
