"""Golden set, scores, gates and reports."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from evaluation.ceilings import loosened, parse_ceilings, tightened
from evaluation.excuses import excuse, report_bytes
from evaluation.figures import brier, calibration_error, interval, quantile
from evaluation.golden import build, text_of
from evaluation.golden_case import GoldenCase, load_golden, parse_cases
from evaluation.harness import measure
from evaluation.mutants.bench import NOW, Bench, rescored
from evaluation.report import MARKER, RENDERERS
from evaluation.run import report_of
from tool.errors import InputFaults, NothingEvaluated
from tool.load.reserved import load_reserved
from tool.policy.digests import GOLDEN
from tool.schema.evidence import EvaluationReport

Ftc = Callable[..., tuple[int, str, str]]


def test_the_golden_set_is_large_and_sourced(bench: Bench) -> None:
    """At least 400 cases, 25 measured OOMs and 75 requests beyond the data; every case names its source."""
    kinds = Counter(case.kind for case in bench.ground.cases)
    assert sum(kinds.values()) >= 400
    assert kinds["oom"] >= 25
    assert kinds["out_of_distribution"] >= 75
    assert kinds["outcome"] >= 1
    assert all(case.source for case in bench.ground.cases)


def test_the_golden_set_is_current(bench: Bench, root: Path) -> None:
    """The committed file is what `python -m evaluation.golden --write` gives; a sweep may go on adding points."""
    fresh = build(bench.ground.repo)
    kept = [case for case in fresh if case.kind != "outcome"]
    lines = (root / GOLDEN).read_text().splitlines(keepends=True)
    assert text_of(kept) == "".join(line for line in lines if '"kind":"outcome"' not in line)
    points = {case.id: _curve(case) for case in fresh if case.kind == "outcome"}
    for case in bench.ground.cases:
        if case.kind == "outcome":
            assert _curve(case).items() <= points[case.id].items()


def _curve(case: GoldenCase) -> dict[float, float]:
    return dict(zip(case.expect["rates"], case.expect["losses"], strict=True))


def test_the_golden_set_is_reserved(bench: Bench) -> None:
    """Every published case comes from a source that evaluation/reserved.yaml keeps."""
    reserved = load_reserved(bench.root)
    for case in bench.ground.cases:
        if case.kind in ("memory", "oom"):
            assert reserved.has_measurement(case.source["measurement"]), case.id
        if case.kind == "outcome":
            assert case.source["sweep"] in reserved.sweeps, case.id


def test_a_bad_golden_line_is_named(tmp_path: Path) -> None:
    """Broken lines are all named with their numbers; a missing file ends with 3."""
    with pytest.raises(InputFaults) as error:
        parse_cases('{"id": 1}\nnot json\n')
    assert {fault.line for fault in error.value.faults} == {1, 2}
    with pytest.raises(NothingEvaluated):
        load_golden(tmp_path)


def test_figures_by_hand() -> None:
    """Weighted quantile, calibration error and Brier score against values worked out by hand."""
    ones = np.ones(4)
    assert quantile(np.array([1.0, 2.0, 3.0, 4.0]), ones, 0.5) == 2.0
    assert quantile(np.array([1.0, 9.0]), np.array([1.0, 3.0]), 0.5) == 9.0
    hit = np.array([1.0, 1.0, 0.0, 0.0])
    assert calibration_error(np.full(4, 0.9), hit, ones) == pytest.approx(0.4)
    assert brier(np.full(4, 0.5), hit, ones) == pytest.approx(0.25)
    low, high = interval(lambda rows: float(hit[rows].mean()), ["a", "a", "b", "b"])
    assert (low, high) == (0.0, 1.0)


def test_scores_by_hand() -> None:
    """Two experts, one answered within a factor of two: half are right, and the other is off by ten."""
    cases = [
        GoldenCase(
            id=name,
            kind="expert",
            category="sft/lora",
            request={},
            expect={"learning_rate": 1e-4},
            source={"repo": name},
        )
        for name in ("a", "b")
    ]
    said = {"confidence": 0.5, "constrained_safe": False, "warnings": []}
    answers = {"a": {**said, "config": {"learning_rate": 2e-4}}, "b": {**said, "config": {"learning_rate": 1e-3}}}
    report = measure("x", cases, answers).report
    assert report.within_two_fold == 0.5
    assert report.learning_rate_error_p90 == pytest.approx(10.0)
    assert report.categories is not None
    assert report.categories["sft/lora"].n == 2
    assert report.false_safe is None
    assert measure("x", cases, {}).report.unanswered == 2


def test_the_ratchet_only_tightens() -> None:
    """A lower floor, a higher ceiling and a dropped one are loosened; tightening keeps the better of both."""
    old = {"within_two_fold": 0.6, "ece": 0.2, "categories": {"sft/lora": {"within_two_fold": 0.5}}}
    assert loosened(old, old) == []
    assert loosened(old, {**old, "within_two_fold": 0.59}) == ["within_two_fold"]
    assert loosened(old, {"within_two_fold": 0.7, "ece": 0.3, "categories": {}}) == ["categories.sft/lora", "ece"]
    report = measure("x", [], {}).report.model_copy(update={"within_two_fold": 0.9, "ece": 0.5})
    new = tightened(old, report)
    assert new["within_two_fold"] == pytest.approx(0.87)
    assert new["ece"] == 0.2
    assert loosened(old, new) == []


def test_a_strange_ceiling_is_named() -> None:
    """A misspelt ceiling is an error with the line, not silently no ceiling."""
    with pytest.raises(InputFaults, match="witin_two_fold"):
        parse_ceilings(b"ece: 0.2\nwitin_two_fold: 0.5\n")


def test_reports_in_every_format(bench: Bench) -> None:
    """Each format holds every blocking gate; markdown starts with the marker and names head and next command."""
    report = report_of(bench.ground, rescored(bench, ece=0.9), None)
    excused = excuse(report, bench.files, NOW)
    shown = {name: render(report, excused, "abc123") for name, render in RENDERERS.items()}
    assert shown["markdown"].startswith(MARKER)
    assert "`abc123`" in shown["markdown"]
    assert "Next: `ftc" in shown["markdown"]
    suite = ElementTree.fromstring(shown["junit"])
    assert int(suite.attrib["tests"]) == len(report.gates)
    assert int(suite.attrib["failures"]) >= 1
    results = json.loads(shown["sarif"])["runs"][0]["results"]
    assert "confidence-calibration/ece" in {item["ruleId"] for item in results}
    assert all("confidence-calibration/ece" in shown[name] for name in ("text", "markdown", "sarif"))


def test_reports_are_deterministic(bench: Bench) -> None:
    """The same engine gives the same bytes, whatever its answers took; the bytes are a valid report."""
    first = report_bytes(report_of(bench.ground, bench.honest, None))
    again = report_bytes(report_of(bench.ground, replace(bench.honest, seconds=0.001), None))
    assert first == again
    report = EvaluationReport.model_validate_json(first)
    assert report.engine == bench.honest.subject.version
    assert len(report.worst) <= 10


def test_the_table_shows_what_was_compared(bench: Bench) -> None:
    """A row carries value, threshold, baseline, number of cases and interval of its metric."""
    report = report_of(bench.ground, bench.honest, bench.honest)
    gates = {gate.id: gate for gate in report.gates}
    row = gates["accuracy-no-regression/within-two-fold"]
    assert row.value == row.baseline == bench.honest.scores.report.within_two_fold
    assert gates["confidence-calibration/ece"].threshold == 0.2
    assert gates["confidence-calibration/ece"].n == bench.honest.scores.report.learning_rate_cases
    assert gates["confidence-calibration/ece"].interval is not None


def test_evaluate_command(repo_copy: Path, ftc: Ftc) -> None:
    """`ftc evaluate` answers in JSON and writes its report; an empty golden set ends with 3."""
    asked = ("--engine", "deterministic", "--output", "json", "--write", "--now", "2026-11-24T00:00:00Z")
    code, out, error = ftc("evaluate", "--root", repo_copy, *asked)
    assert code in (0, 1, 4), error
    written = (repo_copy / "evaluation/reports/deterministic/evaluation.json").read_text()
    assert written == out
    (repo_copy / GOLDEN).write_text("")
    code, _, error = ftc("evaluate", "--root", repo_copy)
    assert (code, "holds no case" in error) == (3, True)
    code, _, error = ftc("evaluate", "--root", repo_copy, "--output", "yaml")
    assert code == 2
