"""The repository's own registry, opened once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tool.load import Repo, open_repo


@pytest.fixture(scope="session")
def repo() -> Repo:
    return open_repo(Path(__file__).resolve().parents[3])
