"""Repositories at the stages of an engine's life, built once and copied for each attack."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tool.tests.govern import workbench
from tool.tests.govern.workbench import LATER, NEXT, Workbench

Bench = Callable[[str], Workbench]


@pytest.fixture(scope="session")
def stages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Workbench]:
    """One repository for each stage: fresh, staged, canary, grown, released."""
    current = workbench.build(tmp_path_factory.mktemp("ground"))
    kept: dict[str, Workbench] = {}

    def keep(name: str) -> None:
        kept[name] = workbench.copy_of(current, tmp_path_factory.mktemp(name))

    workbench.start(current)
    keep("fresh")
    workbench.to_staging(current)
    keep("staged")
    current.later(1)
    current.step("promote", LATER, "--to", "staging")
    current.merge("Promote another to staging")
    workbench.to_canary(current)
    keep("canary")
    workbench.raise_canary(current, "0.05")
    workbench.raise_canary(current, "0.2")
    keep("grown")
    current.later(50)
    current.health(NEXT)
    current.step("promote", NEXT, "--to", "production")
    current.merge("Promote to production")
    keep("released")
    return kept


@pytest.fixture
def bench(stages: dict[str, Workbench], tmp_path: Path) -> Bench:
    """A copy of a stage, on a branch of its own."""

    def copy(stage: str) -> Workbench:
        copied = workbench.copy_of(stages[stage], tmp_path)
        copied.git("fetch", "-q", "origin")
        copied.branch("change")
        copied.later(2)
        return copied

    return copy
