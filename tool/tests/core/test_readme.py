"""The README tells the truth about commands and folders."""

from __future__ import annotations

import re

from tool.tests.conftest import ROOT
from tool.tests.readme import EXAMPLE, README, refreshed

AT_ROOT = {"LICENSE", "Makefile", "README.md", "pyproject.toml", "requirements.lock"}


def test_the_examples_print_what_the_readme_shows() -> None:
    """`make bless` rewrites them; until then a difference is red."""
    text = README.read_text()
    assert len(EXAMPLE.findall(text)) >= 2
    assert refreshed(text) == text


def test_the_tree_names_what_is_there_and_leaves_nothing_out() -> None:
    """Every path of the annotated tree exists, and every top folder stands in it."""
    block = re.search(r"<!-- tree -->\n```text\n(.*?)```", README.read_text(), re.DOTALL)
    assert block
    paths, parent = [], ""
    for line in block[1].splitlines():
        name = line.split()[0]
        parent = parent if line.startswith("  ") else name
        paths.append(name if not line.startswith("  ") else parent + name)
    missing = [path for path in paths if not (ROOT / path).exists()]
    assert missing == []
    present = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}
    known = {path.rstrip("/") for path in paths if path.count("/") == 1 and path.endswith("/")}
    assert {name for name in present if not name.endswith(".egg-info")} - {"build"} == known


def test_the_root_holds_nothing_else() -> None:
    """At the root: the folders of the tree, five files and dotfiles."""
    files = {path.name for path in ROOT.iterdir() if path.is_file() and not path.name.startswith(".")}
    assert files == AT_ROOT
