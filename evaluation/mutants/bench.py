"""What every mutant starts from: one honest evaluation, kept, of which it changes only what it sabotages."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evaluation import checks
from evaluation.answers import Answers
from evaluation.excuses import Excused, excuse, report_bytes
from evaluation.golden_case import GoldenCase
from evaluation.run import Ground, Measured, measure_subject, open_ground, report_of, score
from tool.errors import FtcError
from tool.policy import load_policies, read_policies
from tool.policy.digests import sha256
from tool.schema.evidence import EvaluationReport

NOW = datetime(2026, 11, 24, tzinfo=UTC)
Change = Callable[[GoldenCase, dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Verdict:
    """What an evaluation ended with: the exit code of the command, the gates that did not pass, and what was said."""

    exit_code: int
    stopped_by: frozenset[str]
    said: str


@dataclass(frozen=True)
class Bench:
    """The honest ground and answers. `root` is the repository that was read."""

    root: Path
    ground: Ground
    honest: Measured
    files: Mapping[str, bytes]

    def edited(self, change: Change) -> Measured:
        """Honest answers with some of them changed, scored anew."""
        answers: Answers = {}
        for case in self.ground.cases:
            said = self.honest.answers[case.id]
            answers[case.id] = said if "error" in said else change(case, copy.deepcopy(said))
        return score(self.ground, self.honest.subject, answers, self.honest.seconds)

    def verdict(
        self,
        found: Measured | None = None,
        baseline: Measured | None = None,
        ground: Ground | None = None,
        files: Mapping[str, bytes] | None = None,
    ) -> Verdict:
        """What `ftc evaluate` would end with."""
        report = report_of(ground or self.ground, found or self.honest, baseline)
        return told(report, excuse(report, files or self.files, NOW))

    def with_policies(self, files: Mapping[str, bytes]) -> Ground:
        """The ground under other rules, which must load and compile. Raises InputFaults."""
        from tool.errors import InputFaults

        policies = load_policies(files)
        faults = policies.check()
        if faults:
            raise InputFaults(faults)
        return replace(self.ground, policies=policies)


def told(report: EvaluationReport, excused: Excused) -> Verdict:
    """A report and its waivers as a verdict. A refused waiver is named by the rule that refused it."""
    stopped = {gate.id for gate in report.gates if gate.status not in ("pass", "skip")} - set(excused.gates)
    stopped |= {line.split(": ")[1] for line in excused.refused}
    said = "; ".join(gate.message for gate in report.gates if gate.id in stopped)
    return Verdict(excused.exit_code, frozenset(stopped), said or "; ".join(excused.refused))


def open_bench(root: Path) -> Bench:
    """Evaluate the live recommender, whose ceilings they are, once."""
    ground = open_ground(root)
    return Bench(root, ground, measure_subject(ground, ground.production or "deterministic"), read_policies(root))


def caught(error: FtcError) -> Verdict:
    """A run that ended with an error instead of a report: the error's own exit code."""
    return Verdict(error.exit_code, frozenset({type(error).__name__}), str(error))


def digest_of(bench: Bench, found: Measured) -> str:
    """The digest that a waiver for this report must name."""
    return sha256(report_bytes(report_of(bench.ground, found, None)))


def rescored(bench: Bench, **changes: Any) -> Measured:
    """The honest scores with some fields of the report replaced."""
    report = bench.honest.scores.report.model_copy(update=changes)
    return replace(bench.honest, scores=replace(bench.honest.scores, report=report))


def releaked(bench: Bench, sources: frozenset[str]) -> Measured:
    """Honest answers, scored as if those sources had been learned from too."""
    ground = replace(bench.ground, sources=bench.ground.sources | sources)
    return score(ground, bench.honest.subject, bench.honest.answers, bench.honest.seconds)


def golden_ids(bench: Bench, count: int) -> frozenset[str]:
    """Sources of the first expert cases."""
    experts = [case for case in bench.ground.cases if case.kind == "expert"][:count]
    return frozenset(str(checks.source_id(case)) for case in experts)
