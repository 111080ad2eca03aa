"""A repository with a history, built once and copied for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tool.tests.govern import workbench
from tool.tests.govern.workbench import Workbench


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    """One engine live, two candidates with sound reports."""
    bench = workbench.build(tmp_path_factory.mktemp("ground"))
    workbench.start(bench)
    return bench


@pytest.fixture
def bench(ground: Workbench, tmp_path: Path) -> Workbench:
    """A copy of it, on a branch of its own."""
    copied = workbench.copy_of(ground, tmp_path)
    copied.git("fetch", "-q", "origin")
    copied.branch("change")
    copied.later(1)
    return copied
