"""One honest evaluation for all tests of this area."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.mutants.bench import Bench, open_bench


@pytest.fixture(scope="session")
def bench(root: Path) -> Bench:
    """The recommender without an engine, evaluated once."""
    return open_bench(root)
