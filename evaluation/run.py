"""One evaluation from end to end: repository and version → report."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from evaluation import checks
from evaluation.answers import Answers, collect
from evaluation.ceilings import base_ceilings, loosened, read_ceilings
from evaluation.gates import Judgement, judge
from evaluation.golden_case import GoldenCase, load_golden
from evaluation.harness import Scores, measure
from evaluation.subject import Subject, open_subject
from evaluation.worst import worst_cases
from tool.errors import InputFaults
from tool.load import Repo, open_repo
from tool.policy import Policies, load_policies, read_policies
from tool.policy.digests import CEILINGS, GOLDEN, gates_digest, sha256
from tool.recommend.knowledge import production_version
from tool.schema.evidence import EvaluationReport


@dataclass(frozen=True)
class Ground:
    """Everything that a verdict rests on beside the engine: golden set, rules, ceilings, what is learned from."""

    repo: Repo
    cases: tuple[GoldenCase, ...]
    policies: Policies
    ceilings: Mapping[str, Any]
    base: Mapping[str, Any] | None
    sources: frozenset[str]
    production: str | None
    golden_digest: str
    ceilings_digest: str | None
    policies_digest: str


@dataclass(frozen=True)
class Measured:
    """One engine's answers and scores."""

    subject: Subject
    answers: Answers
    scores: Scores
    seconds: float | None


def open_ground(root: Path, base: str | None = None) -> Ground:
    """Read it all. Raises InputFaults for what is broken, NothingEvaluated for an empty golden set."""
    repo = open_repo(root)
    files = read_policies(root)
    policies = load_policies(files)
    faults = policies.check()
    if faults:
        raise InputFaults(faults)
    ceilings = root / CEILINGS
    return Ground(
        repo=repo,
        cases=tuple(load_golden(root)),
        policies=policies,
        ceilings=read_ceilings(root),
        base=base_ceilings(root, base),
        sources=checks.training_sources(repo),
        production=production_version(repo.root),
        golden_digest=sha256((root / GOLDEN).read_bytes()),
        ceilings_digest=sha256(ceilings.read_bytes()) if ceilings.is_file() else None,
        policies_digest=gates_digest(files),
    )


def measure_subject(ground: Ground, version: str) -> Measured:
    """Answers and scores of one engine."""
    subject = open_subject(ground.repo, version)
    seconds = checks.seconds_an_answer(subject, ground.cases)
    return score(ground, subject, collect(subject, ground.cases), seconds)


def score(
    ground: Ground, subject: Subject, answers: Answers, seconds: float | None, reference: float | None = None
) -> Measured:
    """Scores from answers. `reference` is the time of production's answers (seconds)."""
    violated = checks.violations(ground.policies, ground.cases, answers) if subject.intact else None
    ratio = seconds / reference if seconds is not None and reference else None
    scores = measure(
        subject.version,
        ground.cases,
        answers,
        artifacts_intact=subject.intact,
        leaked_rows=len(checks.leaks(ground.cases, ground.sources | subject.carried)),
        safety_violations=None if violated is None else len(violated),
        latency_ms=checks.step(None if seconds is None else seconds * 1e3, checks.MILLISECONDS),
        latency_ratio=checks.step(ratio, checks.RATIOS),
        loosened=loosened(ground.base or {}, ground.ceilings),
    )
    return Measured(subject, answers, scores, seconds)


def evaluate(root: Path, version: str, against: str | None = None, base: str | None = None) -> EvaluationReport:
    """Judge one engine. `against` is a version or `production`. Raises FtcError for what cannot be read."""
    ground = open_ground(root, base)
    reference = ground.production if against == "production" else against
    baseline = measure_subject(ground, reference) if reference else None
    if baseline is not None and reference == version:
        return report_of(ground, baseline, baseline)
    found = measure_subject(ground, version)
    if baseline is not None:
        found = score(ground, found.subject, found.answers, found.seconds, baseline.seconds)
    return report_of(ground, found, baseline)


def judged(ground: Ground, found: Measured, baseline: Measured | None) -> Judgement:
    """The gates on one engine, beside another."""
    production = baseline.scores.report if baseline else None
    against = baseline.subject.version if baseline else None
    return judge(ground.policies, found.scores, production, ground.ceilings, against)


def report_of(ground: Ground, found: Measured, baseline: Measured | None) -> EvaluationReport:
    """The report: verdict, gates, scores and worst cases, bound to the digests of all that was used."""
    judgement = judged(ground, found, baseline)
    return EvaluationReport(
        format="ftc-evaluation/1",
        engine=found.subject.version,
        engine_digest=found.subject.digest,
        golden_digest=ground.golden_digest,
        ceilings_digest=ground.ceilings_digest,
        policies_digest=ground.policies_digest,
        tool_version=installed("open-finetune-config"),
        against=baseline.subject.version if baseline else None,
        against_digest=baseline.subject.digest if baseline else None,
        verdict=judgement.verdict,
        gates=judgement.gates,
        metrics=finite(found.scores.report.model_dump(mode="json", exclude_none=True)),
        worst=tuple(worst_cases(ground.cases, found.answers)),
        notes=tuple([f"the engine could not be opened: {found.subject.problem}"] if found.subject.problem else []),
    )


def finite(values: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is no number: a report holds none, and a gate that needs it finds it missing."""
    return {key: value for key, value in values.items() if not isinstance(value, float) or math.isfinite(value)}
