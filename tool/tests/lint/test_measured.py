"""The linter held to its bars: planted faults are found, and published files are not called wrong for nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from evaluation.lint_report.carriers import exported, published
from evaluation.lint_report.planting import KINDS, kind_name, plant
from evaluation.lint_report.published import audit, read_published
from tool.lint.known import FRAMEWORKS
from tool.tests.lint.test_rules import AXOLOTL

LEAST_FOUND, MOST_WRONG = 0.9, 0.05


def test_published_files_are_not_called_wrong_for_nothing(root: Path) -> None:
    """Every row of the seven frameworks is read without a traceback; at most 5 % of a framework's files are flagged for
    a key that is in truth known, where a key that nobody audited counts as known.
    """
    for file, seen in read_published(root).items():
        assert seen.files > 10
        assert seen.wrongly <= MOST_WRONG * seen.files, (file, seen.keys)


def test_planted_faults_are_found(knowledge: tuple[Any, Any]) -> None:
    """At least twenty kinds; nine of ten are found in two exports of each framework (all of them under `prove`)."""
    chosen: dict[str, list[Any]] = {}
    for carrier in exported(knowledge[0]):
        chosen.setdefault(carrier.framework, []).append(carrier)
    few = [carrier for carriers in chosen.values() for carrier in (carriers[0], carriers[-1])]
    score = plant(*knowledge, few).total
    assert len(KINDS) >= 20 and score.planted > 200
    assert score.found >= LEAST_FOUND * score.planted


@pytest.mark.prove
def test_planted_faults_are_found_in_every_framework_and_kind(knowledge: tuple[Any, Any]) -> None:
    """Nine of ten of each kind, over all exports and over published files, and of each framework."""
    for carriers in (exported(knowledge[0]), published(knowledge[0], 6)):
        result = plant(*knowledge, carriers)
        for scores in (result.by_kind, result.by_framework):
            for name, score in scores.items():
                assert score.found >= LEAST_FOUND * score.planted, (name, score.missed)


def test_kinds_and_audit_are_of_use(root: Path) -> None:
    """Names are distinct, and every audited key is of a framework that is linted."""
    assert len({kind_name(kind) for kind in KINDS}) == len(KINDS)
    assert {framework for framework, _ in audit(root)} <= set(FRAMEWORKS)


@pytest.mark.prove
def test_another_repository_uses_the_hook(root: Path, tmp_path: Path) -> None:
    """pre-commit installs it from a clone of this repository; it finds the registry and fails on a faulty file only."""
    clone, other = tmp_path / "clone", tmp_path / "other"
    subprocess.run(["git", "clone", "-q", str(root), str(clone)], check=True)
    other.mkdir()
    subprocess.run(["git", "init", "-q", str(other)], check=True)
    (other / "good.yaml").write_text(AXOLOTL)
    (other / "compose.yaml").write_text("services: {}\n")

    def hooked() -> subprocess.CompletedProcess[str]:
        subprocess.run(["git", "add", "."], cwd=other, check=True)
        command = [sys.executable, "-m", "pre_commit", "try-repo", str(clone), "ftc-lint", "--all-files", "--verbose"]
        environment = os.environ | {"PRE_COMMIT_HOME": str(tmp_path / "home")}
        return subprocess.run(command, cwd=other, env=environment, capture_output=True, text=True)

    clean = hooked()
    assert clean.returncode == 0 and "memory: no card named" in clean.stdout, clean.stdout + clean.stderr
    (other / "bad.yaml").write_text(AXOLOTL.replace("lora_r", "lora_rr"))
    faulty = hooked()
    assert faulty.returncode == 1 and "did you mean lora_r?" in faulty.stdout
    assert "compose.yaml" not in faulty.stdout


def test_every_published_row_gives_the_same_report_twice(root: Path, knowledge: tuple[Any, Any]) -> None:
    """Findings, forecast and order, on a card; one row in ten."""
    from evaluation.lint_report.carriers import FILES, rows
    from tool.lint.check import Options, lint_document
    from tool.lint.output import plain
    from tool.lint.view import Target

    for file, framework in FILES.items():
        for row, document in list(rows(root, file))[::10]:
            options = Options(framework, None, Target(gpu="A100-80GB", rows=1000))
            once, again = (lint_document(document, row["id"], options, *knowledge) for _ in range(2))
            assert json.dumps(plain(once)) == json.dumps(plain(again))
