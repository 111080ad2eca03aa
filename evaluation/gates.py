"""Scores → gate table and verdict, by the policies of policies/gates. Computes no score."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from evaluation.harness import Scores
from tool.errors import NothingEvaluated
from tool.policy.policies import Outcome, Policies
from tool.policy.variables import Report, plain
from tool.rounding import significant
from tool.schema.evidence import GateResult
from tool.schema.policy import Policy, Validation

Verdict = Literal["pass", "fail", "inconclusive"]
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""Gates know no clock: a report must come out the same on any day."""
COUNTS = {
    "learning_rate_cases": ("within", "learning", "ece", "brier", "categories"),
    "memory_cases": ("coverage", "sharpness", "memory", "roomy"),
    "oom_cases": ("false_safe", "oom"),
    "outcome_cases": ("outcome",),
    "out_of_distribution_cases": ("css_caught", "out_of"),
    "in_distribution_cases": ("css_false", "latency", "safety"),
}
"""The number of cases that a metric rests on, by how its name starts; `cases` for any other."""


@dataclass(frozen=True)
class Judgement:
    """The gate table, and what it comes to."""

    gates: tuple[GateResult, ...]
    verdict: Verdict


def judge(
    policies: Policies, scores: Scores, production: Report | None, ceilings: Mapping[str, Any], against: str | None
) -> Judgement:
    """Ask every gate. Raises NothingEvaluated when there is none.

    `against` names the engine compared with; where it is named, its scores must be there.
    """
    if not policies.of("evaluation"):
        raise NothingEvaluated("policies/gates holds no gate: nothing was judged")
    baseline = plain(production) | ({"engine": against} if against else {})
    data = {"report": plain(scores.report), "production": baseline, "ceilings": dict(ceilings)}
    gates = tuple(
        result(policies[outcome.policy], outcome, data, scores) for outcome in policies.judge("evaluation", data, EPOCH)
    )
    return Judgement(gates, verdict_of(gates))


def verdict_of(gates: Iterable[GateResult]) -> Verdict:
    """A failed or broken gate fails; one without data leaves it open. Advisory gates do not decide."""
    statuses = {gate.status for gate in gates if gate.level != "advisory"}
    if statuses & {"fail", "error"}:
        return "fail"
    return "inconclusive" if "inconclusive" in statuses or statuses <= {"skip"} else "pass"


def result(policy: Policy, outcome: Outcome, data: dict[str, Any], scores: Scores) -> GateResult:
    """One row of the table; its numbers are those that the expression compares."""
    found = next((each for each in policy.validations if each.id == outcome.validation), None)
    numbers = _numbers(found, policy, data, scores) if found else {}
    return GateResult(
        id=outcome.id,
        level=policy.level,
        status=outcome.status,
        message=outcome.message,
        remedy=outcome.remedy,
        **numbers,
    )


def _numbers(validation: Validation, policy: Policy, data: dict[str, Any], scores: Scores) -> dict[str, Any]:
    """Value, threshold, baseline, n and interval, read off the paths that the expression names."""
    names = re.findall(r"\b(report|production|ceilings|params)\.(\w+)", validation.expression)
    paths = {group: [name for owner, name in names if owner == group] for group in ("report", "production")}
    metric = paths["report"][0] if paths["report"] else ""
    bounds = [_number(data["ceilings"].get(name)) for owner, name in names if owner == "ceilings"]
    bounds += [_number(policy.params.get(name)) for owner, name in names if owner == "params"]
    literal = re.search(r"[=<>]=\s*(\d+(?:\.\d+)?)", validation.expression)
    threshold = next((bound for bound in bounds if bound is not None), float(literal[1]) if literal else None)
    baseline = next((_number(data["production"].get(name)) for name in paths["production"]), None)
    count = next((name for name, starts in COUNTS.items() if metric.startswith(starts)), "cases")
    return {
        "value": _number(data["report"].get(metric)),
        "threshold": threshold,
        "baseline": baseline,
        "n": data["report"].get(count),
        "interval": scores.intervals.get(metric),
    }


def _number(value: Any) -> float | None:
    """A number to show; a list counts its members, true is 1."""
    if isinstance(value, list):
        return float(len(value))
    return significant(float(value)) if isinstance(value, int | float) and math.isfinite(value) else None
