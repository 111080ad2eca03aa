"""Measurements, their calibration, the trace oracle, and the bars that were reached."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from evaluation.memory_oracle import compare
from evaluation.memory_scores import LEAST, family_scores, leave_one_out, summarise
from tool.errors import InputFaults
from tool.load import Repo, open_repo
from tool.load.reserved import load_reserved
from tool.memory.calibrate import document, fitted
from tool.memory.measurements import load_measurements
from tool.memory.overhead import PATH


def test_every_published_row_is_there_with_its_source(root: Path) -> None:
    """870 rows of eight source families, each naming where it was published."""
    rows = load_measurements(root, include_reserved=True)
    assert len(rows) >= 870
    assert len({row.family for row in rows}) >= 8
    assert all(row.source.get("repo_or_title") for row in rows)
    assert {"ok", "oom"} == {row.outcome for row in rows}


def test_reserved_rows_are_whole_models_and_many(root: Path) -> None:
    """At least 100 rows with at least 25 OOMs are kept, and no model of theirs is left in their family."""
    kept = {row.id for row in load_measurements(root)}
    every = load_measurements(root, include_reserved=True)
    reserved = [row for row in every if row.id not in kept]
    assert {row.id for row in reserved} == set(load_reserved(root).measurements.rows)
    assert len(reserved) >= 100
    assert Counter(row.outcome for row in reserved)["oom"] >= 25
    left = {(row.family, row.model) for row in every if row.id in kept}
    assert not left & {(row.family, row.model) for row in reserved}


def test_calibration_is_current_and_blind_to_reserved_rows(repo: Repo, root: Path, repo_copy: Path) -> None:
    """The committed file is what the command writes, and does not change when reserved rows say something else."""
    assert document(fitted(repo)) == (root / PATH).read_text(encoding="utf-8")
    reserved = set(load_reserved(root).measurements.rows)
    path = repo_copy / "registry/measurements/fms_acceleration.jsonl"
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["id"] in reserved and row.get("peak_gib"):
            row["peak_gib"] *= 3
        lines.append(json.dumps(row, ensure_ascii=False))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert document(fitted(open_repo(repo_copy))) == (root / PATH).read_text(encoding="utf-8")


def test_faulty_rows_are_all_named(repo_copy: Path) -> None:
    """A wrong type, a broken line, a duplicate and a reserved id that does not exist come out together."""
    path = repo_copy / "registry/measurements/torchtitan.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    broken = {**json.loads(lines[0]), "id": "x1", "peak_gib": "much"}
    path.write_text("\n".join([*lines, json.dumps(broken), "{", lines[1]]) + "\n", encoding="utf-8")
    keep = repo_copy / "evaluation/reserved.yaml"
    keep.write_text(keep.read_text(encoding="utf-8").replace("  rows:\n", "  rows:\n    - no-such-row\n"), "utf-8")
    with pytest.raises(InputFaults) as caught:
        load_measurements(repo_copy)
    text = str(caught.value)
    for part in (f"torchtitan.jsonl:{len(lines) + 1}: peak_gib", "is not JSON", "given twice", "no-such-row"):
        assert part in text


def test_bars_with_every_family_left_out(repo: Repo) -> None:
    """Errors, bounds and verdicts on published runs, each family forecast without its own rows (issue bars)."""
    scored = leave_one_out(repo)
    figures = summarise(repo, scored)
    assert figures.exact_median <= 0.06
    assert figures.exact_p90 <= 0.18
    assert figures.median <= 0.09
    assert figures.p90 <= 0.30
    assert figures.covered >= 0.97
    assert figures.looseness <= 1.25
    assert figures.oom_recall >= 0.95
    assert figures.roomy_flagged <= 0.10
    assert figures.fitted_called_oom <= 0.03
    assert figures.coverage >= 0.97
    assert sum(score.rows >= LEAST for score in family_scores(scored)) >= 6


def test_arithmetic_agrees_with_the_trace_oracle(repo: Repo) -> None:
    """Every traced step is met within 5 %, in the same phase (or one that ties with it), and within 1.5 % in median."""
    found = compare(repo)
    errors = np.abs([item.error for item in found])
    assert len(found) >= 150
    assert len({item.model for item in found}) >= 12
    assert float(np.median(errors)) <= 0.015
    assert [item.id for item in found if abs(item.error) > 0.05] == []
    assert [item.id for item in found if item.tie > 0.02] == []
