"""Golden cases and answers → scores. Computes, and judges nothing: the gates do that."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from evaluation.answers import Answers
from evaluation.figures import Floats, brier, calibration_error, interval, mean, quantile
from evaluation.golden_case import GoldenCase
from tool.policy.variables import Category, Report
from tool.rounding import significant

TWO_FOLD = math.log10(2.0) + 1e-9
ROOMY = 0.8
"""A run that took at most this share of its card should not be refused."""
HUMBLE = 0.5
"""The most confidence that a constrained-safe answer may state."""
Pairs = list[tuple[GoldenCase, dict[str, Any]]]


@dataclass(frozen=True)
class Scores:
    """`report` is what policies see; `intervals` are 90 % by metric; `checks` come from outside the answers."""

    report: Report
    intervals: dict[str, tuple[float, float]] = field(default_factory=dict)


def measure(engine: str, cases: Sequence[GoldenCase], answers: Answers, **checks: Any) -> Scores:
    """Score the answers. `checks` are fields of the report that no answer shows (artifacts, leaks, latency …)."""
    told: Pairs = [(case, answers[case.id]) for case in cases if "error" not in answers.get(case.id, {"error": ""})]
    by_kind = {kind: [pair for pair in told if pair[0].kind == kind] for kind in {case.kind for case in cases}}
    experts, ran, ooms = (by_kind.get(kind, []) for kind in ("expert", "memory", "oom"))
    rates, intervals = _rates(experts)
    values: dict[str, Any] = {
        "cases": len(told),
        "unanswered": len(cases) - len(told),
        "false_safe": sum(answer["verdict"] == "fits" for _, answer in ooms) if ooms else None,
        "oom_cases": len(ooms),
        "outcome_regret": _regret(by_kind.get("outcome", [])),
        "outcome_cases": len(by_kind.get("outcome", [])),
        "categories": _categories(experts),
        **rates,
        **_memory(ran),
        **_humility(by_kind.get("out_of_distribution", []), by_kind.get("in_distribution", []), experts),
    }
    report = Report(engine=engine, **{key: _short(value) for key, value in {**values, **checks}.items()})
    return Scores(report, {name: (significant(low), significant(high)) for name, (low, high) in intervals.items()})


def _short(value: Any) -> Any:
    """Four significant digits; what is no number is missing."""
    if not isinstance(value, float):
        return value
    return significant(value) if math.isfinite(value) else None


def rate_gap(case: GoldenCase, answer: dict[str, Any]) -> float:
    """Distance of the learning rate from the expert's, in decades; infinite where there is none."""
    rate = answer["config"].get("learning_rate")
    usable = isinstance(rate, int | float) and math.isfinite(rate) and rate > 0
    return abs(math.log10(rate / case.expect["learning_rate"])) if usable else math.inf


def _columns(experts: Pairs) -> tuple[Floats, Floats, Floats]:
    """(gaps in decades, stated confidence, weights)."""
    gaps = np.array([rate_gap(case, answer) for case, answer in experts])
    stated = np.array([float(answer["confidence"]) for _, answer in experts])
    return gaps, stated, np.array([case.weight for case, _ in experts])


def _rates(experts: Pairs) -> tuple[dict[str, Any], dict[str, tuple[float, float]]]:
    """Learning rates against experts, and whether the stated confidence is honest about them."""
    if not experts:
        return {"learning_rate_cases": 0}, {}
    gaps, stated, weights = _columns(experts)
    hit = (gaps <= TWO_FOLD).astype(float)
    clusters = [str(case.source.get("repo", case.id)) for case, _ in experts]
    spans = {
        "within_two_fold": interval(lambda rows: mean(hit[rows], weights[rows]), clusters),
        "ece": interval(lambda rows: calibration_error(stated[rows], hit[rows], weights[rows]), clusters),
        "brier": interval(lambda rows: brier(stated[rows], hit[rows], weights[rows]), clusters),
    }
    values = {
        "learning_rate_cases": len(experts),
        "within_two_fold": mean(hit, weights),
        "within_two_fold_low": spans["within_two_fold"][0],
        "learning_rate_error": 10 ** quantile(gaps, weights, 0.5),
        "learning_rate_error_p90": 10 ** quantile(gaps, weights, 0.9),
        "ece": calibration_error(stated, hit, weights),
        "ece_high": spans["ece"][1],
        "brier": brier(stated, hit, weights),
        "brier_high": spans["brier"][1],
    }
    return values, spans


def _categories(experts: Pairs) -> dict[str, Category] | None:
    """Learning rates by kind of run."""
    found = {}
    for name in sorted({case.category for case, _ in experts}):
        gaps, _, weights = _columns([pair for pair in experts if pair[0].category == name])
        found[name] = Category(
            n=len(gaps),
            within_two_fold=significant(mean((gaps <= TWO_FOLD).astype(float), weights)),
            learning_rate_error=significant(10 ** quantile(gaps, weights, 0.5)),
        )
    return found or None


def forecast(case: GoldenCase, answer: dict[str, Any]) -> float | None:
    """The figure that corresponds to the published peak (GiB)."""
    field = {"reserved": "reserved_gib", "nvidia-smi": "process_gib"}.get(case.expect["peak_kind"], "allocated_gib")
    value = answer.get(field)
    return float(value) if value is not None else None


def _memory(ran: Pairs) -> dict[str, Any]:
    """Forecasts against measured peaks. Sharpness: measured need / bound, in median; 0.5 wastes half of the card."""
    bounded = [(case, answer) for case, answer in ran if answer.get("upper_gib")]
    if not bounded:
        return {"memory_cases": 0}
    slack = np.array([answer["upper_gib"] / case.expect["need_gib"] for case, answer in bounded])
    errors = [
        abs(value / case.expect["peak_gib"] - 1.0)
        for case, answer in ran
        if (value := forecast(case, answer)) is not None
    ]
    roomy = [
        answer["verdict"] != "fits"
        for case, answer in bounded
        if answer.get("usable_gib") and case.expect["peak_gib"] <= ROOMY * answer["usable_gib"]
    ]
    return {
        "memory_cases": len(bounded),
        "coverage": float(np.mean(slack >= 1.0)),
        "sharpness": float(np.median(1.0 / slack)),
        "memory_error": float(np.median(errors)) if errors else None,
        "roomy_refused": float(np.mean(roomy)) if roomy else None,
    }


def is_humble(answer: dict[str, Any]) -> bool:
    """Constrained-safe, with a warning, and not sure of itself."""
    return bool(answer["constrained_safe"] and answer["warnings"] and answer["confidence"] <= HUMBLE)


def _humility(outside: Pairs, inside: Pairs, experts: Pairs) -> dict[str, Any]:
    """Whether requests beyond the data, and no others, are answered by a constrained-safe setting."""
    known = [*inside, *experts]
    return {
        "out_of_distribution_cases": len(outside),
        "in_distribution_cases": len(inside),
        "css_caught": float(np.mean([is_humble(answer) for _, answer in outside])) if outside else None,
        "css_false_alarms": sum(bool(answer["constrained_safe"]) for _, answer in known) if known else None,
    }


def regret(case: GoldenCase, answer: dict[str, Any]) -> float:
    """Relative held-out loss above the best of the curve; infinite without a learning rate."""
    rate = answer["config"].get("learning_rate")
    if not isinstance(rate, int | float) or not rate > 0:
        return math.inf
    losses = np.array(case.expect["losses"])
    loss = float(np.interp(math.log10(rate), np.log10(np.array(case.expect["rates"])), losses))
    return loss / float(losses.min()) - 1.0


def _regret(outcomes: Pairs) -> float | None:
    """The largest regret over the measured curves."""
    return max((regret(case, answer) for case, answer in outcomes), default=None)
