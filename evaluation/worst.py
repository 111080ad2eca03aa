"""The golden cases that an engine got most wrong, each with why."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from evaluation.answers import Answers
from evaluation.golden_case import GoldenCase
from evaluation.harness import TWO_FOLD, is_humble, rate_gap, regret
from tool.rounding import rounded, significant

SHOWN = 10


def worst_cases(cases: Sequence[GoldenCase], answers: Answers) -> list[dict[str, Any]]:
    """The worst ten: dangers first, then unguarded answers, then the largest errors."""
    found = [item for case in cases if (item := _fault(case, answers.get(case.id, {"error": "no answer"})))]
    ranked = sorted(found, key=lambda item: (-item[0], item[1].id))[:SHOWN]
    return [
        {"case": case.id, "kind": case.kind, "why": why, "request": rounded(case.request), "source": case.source}
        for _, case, why in ranked
    ]


def _fault(case: GoldenCase, answer: dict[str, Any]) -> tuple[float, GoldenCase, str] | None:
    """(gravity, case, why); None for a case that was answered well."""
    if "error" in answer:
        return 1e6, case, f"no answer: {answer['error']}"
    gravity, why = {"oom": _oom, "memory": _memory, "expert": _rate, "outcome": _outcome}.get(case.kind, _guard)(
        case, answer
    )
    return (gravity, case, why) if why else None


def _oom(case: GoldenCase, answer: dict[str, Any]) -> tuple[float, str]:
    told = f"ran out of memory, called safe: bound {answer['upper_gib']} of {answer['usable_gib']} GiB"
    return (1e5, told) if answer["verdict"] == "fits" else (0.0, "")


def _memory(case: GoldenCase, answer: dict[str, Any]) -> tuple[float, str]:
    need, upper = case.expect["need_gib"], answer.get("upper_gib")
    if not upper:
        return 0.5, f"no bound: {answer.get('abstained_because')}"
    return (need / upper, f"needed {need} GiB, the bound was {upper}") if upper < need else (0.0, "")


def _rate(case: GoldenCase, answer: dict[str, Any]) -> tuple[float, str]:
    if answer["constrained_safe"]:
        return 1e3, "a published configuration is treated as beyond the data"
    gap = rate_gap(case, answer)
    if gap <= TWO_FOLD:
        return 0.0, ""
    factor = significant(10**gap) if math.isfinite(gap) else "an unbounded factor"
    told = f"learning rate {answer['config'].get('learning_rate')}, the expert chose {case.expect['learning_rate']}"
    return (gap if math.isfinite(gap) else 1e4), f"{told} (off by {factor})"


def _outcome(case: GoldenCase, answer: dict[str, Any]) -> tuple[float, str]:
    loss = regret(case, answer)
    return (loss, f"held-out loss {loss:.1%} above the best of the sweep") if loss > 0.05 else (0.0, "")


def _guard(case: GoldenCase, answer: dict[str, Any]) -> tuple[float, str]:
    if case.kind == "out_of_distribution" and not is_humble(answer):
        return 1e4, f"answered as if it were known, with confidence {answer['confidence']}"
    if case.kind == "in_distribution" and answer["constrained_safe"]:
        return 1e3, "an everyday request is treated as beyond the data"
    return 0.0, ""
