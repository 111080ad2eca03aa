"""The comment and the status, byte for byte: verdict first, on one screen."""

from __future__ import annotations

from pathlib import Path

import pytest

from tool.govern.comment import code
from tool.tests.govern import workbench
from tool.tests.govern.pages import GOLDEN, PAGES, page
from tool.tests.govern.workbench import Workbench

SCREEN = 45
"""Lines that a reviewer sees without scrolling."""


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_what_was_blessed(name: str, ground: Workbench, tmp_path: Path) -> None:
    """Each page equals its golden file (`python -m tool.tests.govern.pages` rewrites them), and fits one screen."""
    bench = workbench.copy_of(ground, tmp_path)
    bench.git("fetch", "-q", "origin")
    text = page(name, bench)
    assert text == (GOLDEN / name).read_text(encoding="utf-8")
    assert len(text.splitlines()) <= SCREEN


@pytest.mark.parametrize("name", [name for name in PAGES if name.endswith(".md")])
def test_the_verdict_comes_first_and_the_next_step_last(name: str) -> None:
    """The line after the marker is the verdict; what changes, evidence, waivers and what to do follow in this order."""
    text = (GOLDEN / name).read_text(encoding="utf-8")
    assert text.splitlines()[1].startswith("### Governance: ")
    places = [text.find(part) for part in ("**What changes for whom.**", "**Evidence.**", "**Waivers.**", "**Next.**")]
    shown = [place for place in places if place >= 0]
    assert shown == sorted(shown)
    assert places[2] > 0
    assert places[3] > 0


def test_text_of_a_change_cannot_break_out() -> None:
    """A reason full of markup neither opens a tag, nor calls anybody, nor ends its line; code does not end itself."""
    text = (GOLDEN / "without_verdict.md").read_text(encoding="utf-8")
    assert "it looked \\| fine &lt;b>to&lt;/b> @\u200beveryone" in text
    assert code("a` ![x](https://example.org) `b|<c>") == "`a ![x](https://example.org) b\\|&lt;c>`"
