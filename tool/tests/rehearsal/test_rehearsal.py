"""Twelve weeks are played through the real commands and workflow files, and show what they must."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.rehearsal import report
from evaluation.rehearsal.findings import findings
from evaluation.rehearsal.play import play


@pytest.mark.prove
def test_twelve_weeks(tmp_path: Path) -> None:
    """Every finding holds, from the misjudged cards to the engine that the canary stops."""
    played = play(tmp_path)
    found = findings(played)
    assert all(each.holds for each in found), report.page(played, found)
