"""A copy of the profiles alone, which is quick to make and free to be edited."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tool.tests.conftest import ROOT


@pytest.fixture
def profiles_copy(tmp_path: Path) -> Path:
    """A root that holds a copy of profiles/ and nothing else."""
    shutil.copytree(ROOT / "profiles", tmp_path / "profiles")
    return tmp_path
