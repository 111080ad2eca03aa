"""Waivers beside a report: which failed gates they excuse, and the exit code that is left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from evaluation.gates import verdict_of
from tool.policy.digests import canonical_json, sha256
from tool.policy.policies import load_policies
from tool.policy.waivers import covers, judge_waivers, load_waivers
from tool.schema.evidence import EvaluationReport

EXIT_CODES = {"pass": 0, "fail": 1, "inconclusive": 4}


@dataclass(frozen=True)
class Excused:
    """`verdict` is the report's own, less the gates that a waiver excuses. A refused waiver fails by itself."""

    digest: str
    verdict: Literal["pass", "fail", "inconclusive"]
    gates: tuple[str, ...]
    lines: tuple[str, ...]
    refused: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.verdict]


def report_bytes(report: EvaluationReport) -> bytes:
    """The report's file."""
    return canonical_json(report.model_dump(mode="json"))


def excuse(report: EvaluationReport, files: Mapping[str, bytes], now: datetime) -> Excused:
    """Hold the waivers of a tree against a report. Hard gates are never excused."""
    digest = sha256(report_bytes(report))
    judged = judge_waivers(load_waivers(files), load_policies(files), now)
    refused = [
        f"{each.waiver.id}: {outcome.id}: {outcome.message}"
        for each in judged
        for outcome in each.outcomes
        if outcome.status != "pass"
    ]
    valid = [each for each in judged if each.valid]
    waived = tuple(
        gate.id
        for gate in report.gates
        if gate.level == "soft"
        and gate.status not in ("pass", "skip")
        and any(covers(each.waiver, gate.id, digest, now) for each in valid)
    )
    verdict = verdict_of(gate for gate in report.gates if gate.id not in waived)
    lines = [f"{each.waiver.id}: {each.waiver.gate}, {each.days_left:.1f} days left" for each in valid]
    return Excused(
        digest, "fail" if refused else verdict, waived, (*lines, *(f"refused: {x}" for x in refused)), tuple(refused)
    )
