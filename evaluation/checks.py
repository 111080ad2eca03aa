"""What no single answer shows: leaks into training, violated safety bounds, time an answer takes."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from evaluation.answers import Answers
from evaluation.golden_case import PRICED, GoldenCase
from evaluation.subject import Subject
from evaluation.twins import config_key, run_key
from tool.errors import FtcError
from tool.learn.outcomes import load_curves
from tool.load import Repo
from tool.memory.measurements import load_measurements
from tool.policy.policies import Policies
from tool.policy.variables import RecommendationView, plain
from tool.recipes import load_recipes
from tool.schema.recommendation import RecommendRequest

MILLISECONDS = (25.0, 50.0, 100.0, 250.0, 600.0, 1200.0, 5000.0)
RATIOS = (3.0, 6.0, 12.0, 25.0, 50.0, 100.0)
"""A time is told as the step that it stays within, so that a report has the same bytes on every machine."""
TIMED = 24
ROUNDS = 3


def training_sources(repo: Repo) -> frozenset[str]:
    """Everything that the loaders give to priors, learning and calibration, and copies of it under other names."""
    recipes = load_recipes(repo).recipes
    rows = load_measurements(repo.root)
    curves = load_curves(repo.root)
    keys = {recipe.id for recipe in recipes} | {row.id for row in rows}
    keys |= {f"{curve.task}/{curve.method}" for curve in curves}
    learned = {config_key(recipe) for recipe in recipes}
    measured = {run_key(row) for row in rows}
    twins = {recipe.id for recipe in load_recipes(repo, include_reserved=True).recipes if config_key(recipe) in learned}
    twins |= {row.id for row in load_measurements(repo.root, include_reserved=True) if run_key(row) in measured}
    return frozenset(keys | twins)


def source_id(case: GoldenCase) -> str | None:
    """The id of the published row behind a case; None for an authored one."""
    found = [case.source.get(key) for key in ("recipe", "measurement", "sweep")]
    return next((str(value) for value in found if value), None)


def leaks(cases: Sequence[GoldenCase], sources: frozenset[str]) -> list[str]:
    """Golden cases whose source, or a copy of it, was there to be learned from."""
    return sorted(case.id for case in cases if source_id(case) in sources)


def view(answer: dict[str, Any]) -> RecommendationView:
    """A recommendation as policies/safety see it; values of another type are left out, which is missing."""
    config, vram = answer["config"], answer["vram"] or {}
    names = set(RecommendationView.model_fields)
    known = {key: value for key, value in config.items() if key in names and value is not None}
    return RecommendationView.model_validate(
        {
            **known,
            "effective_batch_size": answer["effective_batch_size"],
            "confidence": answer["confidence"],
            "constrained_safe": answer["constrained_safe"],
            **{key: vram.get(key) for key in ("upper_gib", "usable_gib", "verdict")},
        }
    )


def violations(policies: Policies, cases: Sequence[GoldenCase], answers: Answers) -> list[str]:
    """`case: rule` for each rule of policies/safety that an answer breaks. Refusals (oom) recommend nothing."""
    found = []
    for case in cases:
        answer = answers.get(case.id, {"error": ""})
        if case.kind in PRICED or "error" in answer or (answer["vram"] or {}).get("verdict") == "oom":
            continue
        outcomes = policies.judge("recommendation", {"rec": plain(view(answer))}, datetime(2026, 1, 1, tzinfo=UTC))
        found += [f"{case.id}: {outcome.id}" for outcome in outcomes if outcome.status in ("fail", "error")]
    return found


def seconds_an_answer(subject: Subject, cases: Sequence[GoldenCase]) -> float | None:
    """Processor time of one warm answer: the least mean of some rounds over everyday requests (seconds)."""
    if not subject.intact:
        return None
    requests = [RecommendRequest.model_validate(c.request) for c in cases if c.kind == "in_distribution"][:TIMED]
    if not requests:
        return None
    best = math.inf
    for _ in range(ROUNDS):
        start = time.process_time()
        try:
            for request in requests:
                subject.recommend(request)
        except FtcError:
            return None
        best = min(best, time.process_time() - start)
    return best / len(requests)


def step(value: float | None, steps: Sequence[float]) -> float | None:
    """The first step that a value stays within; beyond the last, ten times the last."""
    if value is None:
        return None
    return next((limit for limit in steps if value <= limit), steps[-1] * 10)
