"""Leave one repository out: an engine fitted to all others answers for each of its choices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.hparams import baselines
from tool.learn.auto import prior_rate, strategy_table
from tool.learn.distribution import Distribution, point
from tool.learn.facts import Facts
from tool.learn.fields import FIELDS
from tool.learn.fit import fit
from tool.learn.grow import Settings
from tool.learn.opinions import Opinion, opinions
from tool.learn.outcomes import Curve
from tool.learn.reach import kind_of
from tool.learn.rerank import RATE, candidates, expert_target
from tool.learn.serve import DETERMINISTIC, HYBRID, HYBRID_ML, Engine
from tool.learn.train import served_arrays, tables_of
from tool.priors import compute_priors, lookup
from tool.recommend import laws
from tool.schema.priors import Priors
from tool.schema.recipe import Recipe

Floats = NDArray[np.float64]
FEWEST = 10
OURS = "ours (auto)"
IMITATION = "ours, imitation alone (no sweeps)"
LEARNED = "ours, predictor alone"
CONSTANT, BY_KIND = "best constant in hindsight", "best by kind in hindsight"
FOLDED = Settings(trees=40)


@dataclass(frozen=True)
class Unseen:
    """One repository and the engine and priors that were fitted without it."""

    repository: str
    items: tuple[Opinion, ...]
    rest: tuple[Opinion, ...]
    engine: Engine
    priors: Priors


def leave_one_out(recipes: Sequence[Recipe], curves: Sequence[Curve], families: Sequence[str]) -> list[Unseen]:
    """Every repository with at least FEWEST distinct learning rates, with an engine that never saw it."""
    items = opinions(recipes)
    sizes = Counter(item.repository for item in items if RATE in item.values)
    found = []
    for repository in sorted(name for name, size in sizes.items() if size >= FEWEST):
        rest = [item for item in items if item.repository != repository]
        others = [recipe for recipe in recipes if recipe.source.repo != repository]
        fitted = fit(rest, curves, FOLDED, families)
        tables = tables_of(fitted, strategy_table(others, rest, fitted))
        engine = Engine("left-out", tables, served_arrays(fitted))
        mine = tuple(item for item in items if item.repository == repository)
        found.append(Unseen(repository, mine, tuple(rest), engine, compute_priors(others)))
    return found


def rate_answers(unseen: Unseen, facts: Facts) -> dict[str, float]:
    """log10 learning rate by way of answering."""
    engine = unseen.engine
    answers = {name: answer(facts) for name, answer in baselines.RATES.items()}
    answers["bucket median"] = baselines.bucket_spread(unseen.rest, RATE)(facts).median()
    answers[DETERMINISTIC] = prior_rate(unseen.priors, facts)
    for name in (HYBRID, HYBRID_ML):
        answers[name] = float(np.log10(engine.values(name, facts)[RATE].value))
    answers[OURS] = answers[engine.best_strategy(facts)]
    answers[IMITATION] = _imitation(engine, facts, answers[DETERMINISTIC])
    return answers


def _imitation(engine: Engine, facts: Facts, deterministic: float) -> float:
    """The choice of the strategy table with no word from sweeps: what experts alone would make us say."""
    row = engine.auto.get(kind_of(facts))
    near = engine.known.point(facts, RATE)
    if row is None or row["chosen"] == DETERMINISTIC or near is None:
        return deterministic
    if row["chosen"] == HYBRID:
        return near[0]
    predictor = engine.predictor(RATE)
    return engine.reranker.best(candidates(facts, predictor, engine.known), predictor.spec.law(facts))


def rate_errors(everyone: Sequence[Unseen]) -> dict[str, dict[str, Floats]]:
    """Absolute log10 errors: way of answering → repository → rows."""
    found: dict[str, dict[str, list[float]]] = {}
    for unseen in everyone:
        for item in unseen.items:
            if RATE in item.values:
                truth = FIELDS[RATE].scale(item.values[RATE])
                for name, value in rate_answers(unseen, item.facts).items():
                    found.setdefault(name, {}).setdefault(unseen.repository, []).append(abs(value - truth))
    return _arrays(found)


def rate_scores(everyone: Sequence[Unseen]) -> dict[str, dict[str, Floats]]:
    """CRPS of the learning rate: ours with its spread, point baselines as points, and dressed with law residuals."""
    found: dict[str, dict[str, list[float]]] = {}
    for unseen in everyone:
        bucket = baselines.bucket_spread(unseen.rest, RATE)
        dressed = _dress(unseen)
        for item in unseen.items:
            if RATE not in item.values:
                continue
            truth = FIELDS[RATE].scale(item.values[RATE])
            spreads = {name: point(answer(item.facts)) for name, answer in baselines.RATES.items()}
            spreads["bucket median"] = bucket(item.facts)
            spreads["rule of thumb with all residuals"] = dressed.shifted(FIELDS[RATE].law(item.facts))
            spreads[OURS] = unseen.engine.predictor(RATE).spread(item.facts)
            for name, spread in spreads.items():
                found.setdefault(name, {}).setdefault(unseen.repository, []).append(spread.crps(truth))
    return _arrays(found)


def _dress(unseen: Unseen) -> Distribution:
    """Residuals of the law over the other repositories, every row alike: the plainest spread there is."""
    spec = FIELDS[RATE]
    gaps = [spec.scale(i.values[RATE]) - spec.law(i.facts) for i in unseen.rest if RATE in i.values]
    return Distribution.of(np.array(gaps), np.ones(len(gaps)))


def field_errors(everyone: Sequence[Unseen], field: str) -> dict[str, dict[str, Floats]]:
    """Absolute errors on the field's scale, of ours, the frameworks' defaults, the bucket median and constants.

    The constants are chosen in hindsight, on the very rows that they are scored on: ceilings, not rivals.
    """
    spec = FIELDS[field]
    found: dict[str, dict[str, list[float]]] = {}
    for unseen in everyone:
        bucket = baselines.bucket_spread(unseen.rest, field)
        chosen = [item for item in unseen.items if field in item.values]
        if len(chosen) < FEWEST:
            continue
        for item in chosen:
            truth = spec.scale(item.values[field])
            answers = {name: spec.scale(value) for name, value in baselines.DEFAULTS[field].items()}
            answers["bucket median"] = bucket(item.facts).median()
            answers[OURS] = spec.scale(served(unseen, item.facts, field))
            answers[LEARNED] = spec.scale(unseen.engine.predict(item.facts)[field].value)
            for name, value in answers.items():
                found.setdefault(name, {}).setdefault(unseen.repository, []).append(abs(value - truth))
    return _arrays(found) | hindsight(everyone, field)


def served(unseen: Unseen, facts: Facts, field: str) -> float:
    """What a user is answered, in native units: the engine's value where it decides, else the published consensus."""
    values = unseen.engine.values(unseen.engine.best_strategy(facts), facts)
    if field in values:
        return values[field].value
    if field == "num_train_epochs":
        return float(laws.epochs(facts.rows, facts.objective).value)
    bucket = facts.size_bucket if facts.params_b else None
    found = lookup(unseen.priors, facts.task_type, facts.objective, bucket, facts.adapter, field)  # type: ignore[arg-type]
    return FIELDS[field].back(FIELDS[field].law(facts)) if found.n == 0 else float(found.value)


def hindsight(everyone: Sequence[Unseen], field: str) -> dict[str, dict[str, Floats]]:
    """Errors of the best constant, and of the best by kind of run (objective, adapter), chosen on these very rows."""
    chosen = [(u.repository, [i for i in u.items if field in i.values]) for u in everyone]
    kept = [(repository, rows) for repository, rows in chosen if len(rows) >= FEWEST]
    cells: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for _, rows in kept:
        for item in rows:
            vote = (FIELDS[field].scale(item.values[field]), 1 / len(rows))
            cells.setdefault((CONSTANT, ""), []).append(vote)
            cells.setdefault((BY_KIND, kind_of(item.facts)), []).append(vote)
    best = {key: Distribution.of(*np.array(votes).T).median() for key, votes in cells.items()}
    found: dict[str, dict[str, list[float]]] = {CONSTANT: {}, BY_KIND: {}}
    for repository, rows in kept:
        for item in rows:
            truth = FIELDS[field].scale(item.values[field])
            found[CONSTANT].setdefault(repository, []).append(abs(best[CONSTANT, ""] - truth))
            found[BY_KIND].setdefault(repository, []).append(abs(best[BY_KIND, kind_of(item.facts)] - truth))
    return _arrays(found)


def coverage(everyone: Sequence[Unseen], field: str) -> dict[str, Floats]:
    """1 where the 90 % interval holds the expert's choice, by repository."""
    spec = FIELDS[field]
    found: dict[str, list[float]] = {}
    for unseen in everyone:
        predictor = unseen.engine.predictor(field)
        for item in unseen.items:
            if field in item.values:
                low, high = predictor.interval(item.facts)
                truth = spec.scale(item.values[field])
                found.setdefault(unseen.repository, []).append(float(low - 1e-9 <= truth <= high + 1e-9))
    return {name: np.array(values) for name, values in found.items() if len(values) >= FEWEST}


def confidences(everyone: Sequence[Unseen]) -> tuple[Floats, Floats, Floats, Floats]:
    """(stated probability, hit, weight, base rate known beforehand); every repository weighs the same."""
    stated, hits, shares, base = [], [], [], []
    for unseen in everyone:
        rated = [item for item in unseen.items if RATE in item.values]
        prior = _base_rate(unseen)
        for item in rated:
            answers = rate_answers(unseen, item.facts)
            truth = FIELDS[RATE].scale(item.values[RATE])
            stated.append(unseen.engine.confidence(item.facts, 10.0 ** answers[OURS]))
            hits.append(float(abs(answers[OURS] - truth) <= FIELDS[RATE].radius + 1e-9))
            shares.append(1 / len(rated))
            base.append(prior)
    return np.array(stated), np.array(hits), np.array(shares), np.array(base)


def _base_rate(unseen: Unseen) -> float:
    """Share of the other repositories' choices within a factor of two of the law, repositories alike."""
    spec, hits = FIELDS[RATE], dict[str, list[float]]()
    for item in unseen.rest:
        if RATE in item.values:
            gap = abs(spec.scale(item.values[RATE]) - spec.law(item.facts))
            hits.setdefault(item.repository, []).append(float(gap <= spec.radius + 1e-9))
    return float(np.mean([np.mean(values) for values in hits.values()]))


def ranking(everyone: Sequence[Unseen]) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """(ndcg at 5, top-1 regret in decades beyond the best candidate) of the reranker, by repository."""
    gains: dict[str, list[float]] = {}
    regrets: dict[str, list[float]] = {}
    for unseen in everyone:
        engine, predictor = unseen.engine, unseen.engine.predictor(RATE)
        for item in unseen.items:
            if RATE not in item.values:
                continue
            options = candidates(item.facts, predictor, engine.known)
            truth = FIELDS[RATE].scale(item.values[RATE])
            order = np.argsort(-engine.reranker.score(options), kind="stable")
            gains.setdefault(unseen.repository, []).append(_ndcg(expert_target(options.rates, truth)[order]))
            misses = np.abs(options.rates - truth)
            regrets.setdefault(unseen.repository, []).append(float(misses[order[0]] - misses.min()))
    return _arrays({"": gains})[""], _arrays({"": regrets})[""]


def _ndcg(relevance: Floats, depth: int = 5) -> float:
    discount = 1 / np.log2(np.arange(2, depth + 2))
    best = np.sort(relevance)[::-1]
    ideal = float((best[:depth] * discount[: len(best)]).sum())
    return float((relevance[:depth] * discount[: len(relevance)]).sum()) / ideal if ideal > 0 else 1.0


def _arrays(found: dict[str, dict[str, list[float]]]) -> dict[str, dict[str, Floats]]:
    return {name: {repo: np.array(values) for repo, values in rows.items()} for name, rows in found.items()}
