"""A repository in which a canary has just begun at its first step, of 20 %."""

from __future__ import annotations

from pathlib import Path

import pytest

from tool.tests.govern import workbench
from tool.tests.govern.workbench import NEXT, Workbench


@pytest.fixture(scope="session")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Workbench:
    """One engine live, the next in canary."""
    bench = workbench.build(tmp_path_factory.mktemp("begun"))
    bench.replace("policies/rollout/canary-steps.yaml", "[0.01, 0.05, 0.2]", "[0.2, 0.5]")
    workbench.start(bench)
    bench.later(1)
    bench.step("promote", NEXT, "--to", "staging")
    bench.later(1)
    bench.step("promote", NEXT, "--to", "canary")
    return bench


@pytest.fixture
def bench(begun: Workbench, tmp_path: Path) -> Workbench:
    """A copy of it."""
    return workbench.copy_of(begun, tmp_path)
