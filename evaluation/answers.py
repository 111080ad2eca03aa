"""Ask the engine under test every golden question, once. What it said is plain data, so that it can be kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from evaluation.golden_case import PRICED, GoldenCase
from evaluation.subject import Subject
from tool.errors import FtcError
from tool.schema.fit import FitRequest
from tool.schema.recommendation import Recommendation, RecommendRequest

Answers = dict[str, dict[str, Any]]
"""Case id → what the engine said; {"error": why} where it gave no answer."""


def collect(subject: Subject, cases: Sequence[GoldenCase]) -> Answers:
    """Every answer. A question that the engine cannot answer is recorded, not raised."""
    if not subject.intact:
        return {case.id: {"error": subject.problem} for case in cases}
    priced = [case for case in cases if case.kind in PRICED]
    answers = {case.id: _recommended(subject, case) for case in cases if case.kind not in PRICED}
    return answers | _priced(subject, priced)


def _priced(subject: Subject, cases: Sequence[GoldenCase]) -> Answers:
    try:
        requests = [FitRequest.model_validate(case.request) for case in cases]
        found = subject.price(requests)
        return {case.id: answer.model_dump(mode="json") for case, answer in zip(cases, found, strict=True)}
    except (FtcError, ValidationError, ValueError) as error:
        return {case.id: {"error": str(error)} for case in cases}


def _recommended(subject: Subject, case: GoldenCase) -> dict[str, Any]:
    try:
        answer = subject.recommend(RecommendRequest.model_validate(case.request))
    except (FtcError, ValidationError) as error:
        return {"error": str(error)}
    return plain(answer)


def plain(answer: Recommendation) -> dict[str, Any]:
    """The parts of a recommendation that are judged."""
    kept = {"config", "effective_batch_size", "vram", "confidence", "constrained_safe", "warnings", "strategy"}
    data: dict[str, Any] = json.loads(answer.model_dump_json(include=kept))
    return data
