"""Pins of notebook, lock and dependency profile are one; no card is offered a stack without kernels for it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tool.deps import lock_digest, lock_problems
from tool.load import open_repo
from tool.load.profile_faults import stack_runs_on

ROOT = Path(__file__).resolve().parents[3]
REPO = open_repo(ROOT)
_LOCK = re.compile(r"locks/([\w.-]+)\.txt \| `([0-9a-f]{16})`")
_PIN = re.compile(r"\b([A-Za-z][\w.-]*)==(\d[\w.+]*)")


def test_pins_of_notebook_profile_and_lock() -> None:
    """Each notebook names one lock with its digest today, and installs what that stack pins, no more and no less."""
    notebooks = sorted((ROOT / "generated/notebooks").rglob("*.ipynb"))
    assert len(notebooks) > 100
    wrong = []
    for path in notebooks:
        text = path.read_text().replace("\\n", "\n")
        named = set(_LOCK.findall(text))
        assert len(named) == 1, path
        ((id, digest),) = named
        stack = REPO.stacks[id]
        expected = {(name, version) for name, version in stack.pins.items() if name not in stack.from_image}
        if set(_PIN.findall(text)) != expected or not (lock_digest(ROOT, stack) or "").startswith(digest):
            wrong.append(path.name)
    assert wrong == []


def test_locks_hold_the_pins() -> None:
    """Every lock that is checked in holds its stack's pins in the very versions."""
    assert {stack.id: lock_problems(ROOT, stack) for stack in REPO.stacks if lock_problems(ROOT, stack)} == {}


@pytest.mark.parametrize(("needed", "runs"), [("7.5", True), ("8.0", False), ("9.0", False), ("10.0", False)])
def test_t4(needed: str, runs: bool) -> None:
    """A T4 (compute capability 7.5) is offered no stack that needs 8.0 or newer, two-digit numbers included."""
    card = REPO.gpus["T4"]
    assert stack_runs_on(needed, card) is runs
