"""Sabotaged inputs: golden set, gates, ceilings, waivers and evidence that are not what they should be."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from evaluation.answers import Answers
from evaluation.ceilings import loosened
from evaluation.golden_case import load_golden
from evaluation.mutants.bench import NOW, Bench, Verdict, caught, digest_of, golden_ids, releaked, rescored
from evaluation.run import measure_subject, report_of, score
from tool.errors import FtcError
from tool.policy.digests import GOLDEN
from tool.policy.variables import Evidence, plain

Run = Callable[[Bench], Verdict]
GATE = "policies/gates/oom-safety.yaml"


def lost_category(bench: Bench) -> Verdict:
    """A kind of run is missing from the report."""
    categories = dict(bench.honest.scores.report.categories or {})
    categories.pop("sft/qlora")
    return bench.verdict(rescored(bench, categories=categories))


def lost_baseline_category(bench: Bench) -> Verdict:
    """A kind of run is missing from production's scores."""
    categories = dict(bench.honest.scores.report.categories or {})
    categories.pop("sft/full")
    return bench.verdict(timed(bench), baseline=rescored(bench, categories=categories))


def timed(bench: Bench) -> Any:
    """The honest engine with a ratio to production of one."""
    return score(bench.ground, bench.honest.subject, bench.honest.answers, bench.honest.seconds, bench.honest.seconds)


def nan_metric(bench: Bench) -> Verdict:
    """A metric that is no number."""
    return bench.verdict(rescored(bench, within_two_fold=math.nan))


def empty_golden_set(bench: Bench) -> Verdict:
    """A golden set without a case."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / GOLDEN
        path.parent.mkdir(parents=True)
        path.write_bytes(b"")
        try:
            load_golden(Path(folder))
        except FtcError as error:
            return caught(error)
    return bench.verdict()


def small_golden_set(bench: Bench) -> Verdict:
    """A golden set from which the runs that ran out of memory were dropped."""
    cases = tuple(case for case in bench.ground.cases if case.kind != "oom")
    ground = replace(bench.ground, cases=cases)
    answers: Answers = {case.id: bench.honest.answers[case.id] for case in cases}
    return bench.verdict(score(ground, bench.honest.subject, answers, bench.honest.seconds), ground=ground)


def leaked_rows(bench: Bench) -> Verdict:
    """Golden rows were there to be learned from."""
    return bench.verdict(releaked(bench, golden_ids(bench, 5)))


def carried_rows(bench: Bench) -> Verdict:
    """An engine whose own tables name a golden recipe."""
    subject = replace(bench.honest.subject, carried=golden_ids(bench, 1))
    return bench.verdict(score(bench.ground, subject, bench.honest.answers, bench.honest.seconds))


def no_gates(bench: Bench) -> Verdict:
    """Every gate file is deleted."""
    files = {path: data for path, data in bench.files.items() if not path.startswith("policies/gates/")}
    try:
        return bench.verdict(ground=bench.with_policies(files))
    except FtcError as error:
        return caught(error)


def gate_file(old: str, new: str) -> Run:
    """A gate file in which some text was replaced."""

    def run(bench: Bench) -> Verdict:
        text = bench.files[GATE].decode()
        if old not in text:
            raise AssertionError(f"{GATE} does not hold {old!r}")
        try:
            return bench.verdict(ground=bench.with_policies({**bench.files, GATE: text.replace(old, new).encode()}))
        except FtcError as error:
            return caught(error)

    return run


def loose_ceilings(bench: Bench) -> Verdict:
    """Ceilings that a change has relaxed."""
    relaxed = {**bench.ground.ceilings, "ece": 0.9}
    return bench.verdict(rescored(bench, loosened=loosened(bench.ground.ceilings, relaxed)))


def no_ceilings(bench: Bench) -> Verdict:
    """Ceilings that were deleted."""
    return bench.verdict(ground=replace(bench.ground, ceilings={}))


def waived(gate: str, expires: str, other: str | None = None) -> Run:
    """A soft gate fails, or none does, and a waiver that must not count stands beside it."""

    def run(bench: Bench) -> Verdict:
        found = rescored(bench, loosened=["ece"])
        waiver = {
            "gate": gate,
            "reason": "the ceiling is to be lowered for now",
            "approver": "maria",
            "issue": "#1",
            "evidence_digest": other or digest_of(bench, found),
            "granted": "2026-11-10T00:00:00Z",
            "expires": expires,
        }
        files = {**bench.files, "policies/waivers/mutant.yaml": yaml.safe_dump(waiver).encode()}
        return bench.verdict(found, files=files)

    return run


def evidence(**changes: str) -> Run:
    """A report offered as evidence for a promotion that it is not about; policies/lifecycle must refuse it."""

    def run(bench: Bench) -> Verdict:
        report = report_of(bench.ground, bench.honest, None)
        digests = {
            "engine": report.engine,
            **dict.fromkeys(("engine_digest", "engine_digest_now"), report.engine_digest),
            **dict.fromkeys(("golden_digest", "golden_digest_now"), report.golden_digest),
            **dict.fromkeys(("ceilings_digest", "ceilings_digest_now"), report.ceilings_digest or "none"),
            **dict.fromkeys(("gates_digest", "gates_digest_now"), report.policies_digest),
        }
        groups: dict[str, list[str]] = {
            name: [] for name in ("hard_failures", "soft_failures", "undecided", "unjudged", "waived")
        }
        seen = Evidence.model_validate({**digests, "verdict": "pass", **groups, **changes})
        data = {"transition": {"move": "stage", "version": "deterministic"}, "evidence": plain(seen)}
        outcomes = bench.ground.policies.judge_one("evidence", data, NOW)
        stopped = frozenset(outcome.id for outcome in outcomes if not outcome.passed)
        return Verdict(1 if stopped else 0, stopped, "; ".join(o.message for o in outcomes if not o.passed))

    return run


def unknown_engine(bench: Bench) -> Verdict:
    """An engine that does not exist."""
    try:
        return bench.verdict(measure_subject(bench.ground, "0000.00.0"))
    except FtcError as error:
        return caught(error)
