"""Outputs that do not follow from the inputs: edited by hand, or left behind by a change."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tool.tests.govern.workbench import run_ftc


def git(root: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=maria", "-c", "user.email=maria@example.org")
    return subprocess.run(
        ["git", *identity, "-C", str(root), *arguments], check=True, capture_output=True, text=True
    ).stdout


def commit(root: Path, message: str) -> None:
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", message)


def by_hand(root: Path) -> None:
    """Another learning rate in an answer that people read."""
    path = sorted((root / "generated/recommendations").rglob("*.json"))[0]
    text = path.read_text()
    assert text.count('"learning_rate": ') == 1
    path.write_text(text.replace('"learning_rate": ', '"learning_rate": 9'))


def left_behind(root: Path) -> None:
    """A card loses memory, and the outputs stay as they were."""
    path = root / "profiles/gpus/T4.yaml"
    path = path if path.is_file() else next(iter(sorted((root / "profiles/gpus").glob("*T4*.yaml"))))
    text = path.read_text()
    line = next(line for line in text.splitlines() if line.startswith("usable_gib:"))
    path.write_text(text.replace(line, "usable_gib: 9.5"))


def stowaway(root: Path) -> None:
    (root / "generated/recommendations/more.json").write_text("{}\n")


@pytest.mark.prove
@pytest.mark.parametrize(("edit", "told"), [(by_hand, "changed: "), (left_behind, "changed: "), (stowaway, "extra: ")])
def test_outputs_must_follow_from_the_inputs(repo_copy: Path, edit: Callable[[Path], None], told: str) -> None:
    """Blocked with the path that differs; passes once exactly the edit is reverted."""
    root = repo_copy
    assert run_ftc("generate", "--root", str(root)).code == 0
    git(root, "init", "-q")
    commit(root, "The ground")
    assert run_ftc("generate", "--check", "--root", str(root)).code == 0
    edit(root)
    commit(root, "The attack")
    assert git(root, "diff", "--name-only", "HEAD~1", "HEAD").strip(), "the edit took no effect"
    answer = run_ftc("generate", "--check", "--root", str(root))
    assert answer.code == 1
    assert told in answer.out
    git(root, "-c", "user.name=maria", "revert", "--no-edit", "HEAD")
    assert run_ftc("generate", "--check", "--root", str(root)).code == 0
