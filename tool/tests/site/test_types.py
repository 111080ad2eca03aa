"""The types of the page's scripts, by the TypeScript compiler: needs node, so a part of `make prove`."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tool.tests.conftest import ROOT

SCRIPTS, TYPES = Path("tool/templates/site"), Path("tool/tests/site/types")


def wrong(root: Path) -> list[str]:
    """What the compiler says of the scripts below a root."""
    python = os.environ.get("FTC_BROWSER_PYTHON")
    assert python, "run this by `make prove`, which installs the compiler"
    compiler = Path(python).parent.parent / "node_modules/.bin/tsc"
    done = subprocess.run([compiler, "-p", root / TYPES], capture_output=True, text=True, check=False)
    assert bool(done.returncode) == bool(done.stdout), done.stderr
    return done.stdout.splitlines()


@pytest.mark.prove
def test_the_scripts_of_the_page_are_typed() -> None:
    """Strictly checked, no value of the page's data or of another script is used as what it is not."""
    assert wrong(ROOT) == []


@pytest.mark.prove
@pytest.mark.parametrize(
    "mistake",
    [
        'ftc.number("much");',
        "ftc.nmber(1);",
        "ftc.data.core.cards[0].usabel;",
        'ftc.load("priors").then((priors) => priors.groups.lenght);',
        'ftc.el("a", {}).value;',
        "(untyped) => untyped;",
    ],
)
def test_a_planted_mistake_is_found(tmp_path: Path, mistake: str) -> None:
    """A wrong argument, a mistyped name of a function, of the data or of an element, and a missing type are told."""
    for folder in (SCRIPTS, TYPES):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    (tmp_path / SCRIPTS / "mistake.js").write_text(mistake + "\n")
    told = wrong(tmp_path)
    assert told and all("mistake.js" in line or line.startswith(" ") for line in told)
