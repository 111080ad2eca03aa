"""A forge with the present repository on it, an engine live, one good candidate and one bad, built once and copied."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tool.policy.digests import sha256
from tool.tests.workflows.act import ROOT, Stage, build

NOW = "2030-06-01T06:00:00Z"
"""Later than anything that the repository's own history tells."""
GOOD, BAD = "2030.06.0", "2030.06.1"
CATALOG = """\
groups:
  - models: [Qwen/Qwen2.5-0.5B-Instruct, Qwen/Qwen2.5-7B-Instruct, meta-llama/Llama-3.1-8B-Instruct]
    tasks: [instruction_following, code]
    platforms: [colab/free, kaggle/t4x2]
    adapters: [full, lora, qlora]
"""
"""Enough to see recommendations move, and few enough to regenerate at every step."""


def ftc(root: Path, *arguments: str, codes: tuple[int, ...] = (0,)) -> str:
    """Run this checkout's `ftc` on a tree, at the stage's time."""
    program = "import sys; from tool.cli import main; sys.argv[0] = 'ftc'; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments, "--root", str(root)],
        cwd=root,
        env={**os.environ, "FTC_NOW": NOW, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in codes, f"ftc {arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


def live_of(root: Path) -> str:
    """The version that is live."""
    stages = yaml.safe_load((root / "registry/engines/state.yaml").read_text())["stages"]
    (version,) = [version for version, stage in stages.items() if stage == "production"]
    return str(version)


def _edit_tables(root: Path, version: str, change: Callable[[Any], None]) -> None:
    """Another table in an engine, and its digest in the record."""
    folder = root / "registry/engines" / version
    told = json.loads((folder / "tables.json").read_text())
    change(told)
    (folder / "tables.json").write_text(json.dumps(told, indent=2, sort_keys=True) + "\n")
    engine = yaml.safe_load((folder / "engine.yaml").read_text())
    engine["artifacts"]["tables"]["sha256"] = sha256((folder / "tables.json").read_bytes())
    (folder / "engine.yaml").write_text(yaml.safe_dump(engine))


def _by_neighbours(tables: Any) -> None:
    """Another strategy decides where every weight is trained, so that recommendations move."""
    for row in tables["auto"]:
        if row["kind"] == "sft/full":
            row["chosen"] = "hybrid"


def _overconfident(tables: Any) -> None:
    """Everything is promised: confidence far above what comes true."""
    tables["confidence"] = {"offset": 30.0, "slope": 0.0}


QUICK = "tool/tests/core/test_quick.py"
QUICK_TESTS = '''\
"""A stand-in for the suite."""

import pytest


def test_fast() -> None:
    """Passes."""


@pytest.mark.prove
def test_slow() -> None:
    """Passes."""
'''


def _quicken(root: Path) -> None:
    """The same targets of make, with little to do: style of two files, one file of tests, no other environments."""
    makefile = root / "Makefile"
    text = makefile.read_text()
    text, proof = re.subn(r"^prove: .*?(?= ##)", "prove: $(STAMP)", text, flags=re.MULTILINE)
    quick = f"\\1\t@$(VENV)/bin/ruff check tool/errors.py {QUICK}\n\t@$(VENV)/bin/mypy tool/errors.py\n"
    text, lint = re.subn(r"^(lint: .*\n)(?:\t.*\n)+", quick, text, flags=re.MULTILINE)
    assert (proof, lint) == (1, 1)
    makefile.write_text(text)
    (root / QUICK).write_text(QUICK_TESTS)


def _lay_ground(root: Path) -> None:
    """A history that begins with the live engine, and two candidates with the reports that they earned."""
    live = live_of(root)
    _quicken(root)
    (root / "profiles/catalog.yaml").write_text(CATALOG)
    shutil.rmtree(root / "registry/engines/events")
    (root / "registry/engines/state.yaml").unlink()
    for waiver in (root / "policies/waivers").glob("*.yaml"):
        waiver.unlink()
    genesis = ("--genesis", "--reason", "Start the history", "--actor", "maria", "--write", "--no-generate")
    ftc(root, "promote", live, *genesis)
    shutil.copytree(root / "registry/engines" / live, root / "registry/engines" / GOOD)
    _edit_tables(root, GOOD, _by_neighbours)
    shutil.copytree(root / "registry/engines" / GOOD, root / "registry/engines" / BAD)
    _edit_tables(root, BAD, _overconfident)
    for version in (GOOD, BAD):
        ftc(root, "evaluate", "--engine", version, "--against", "production", "--write", codes=(0, 1, 4))
    ftc(root, "generate")


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Nobody changes this one: take `stage`."""
    made = build(tmp_path_factory.mktemp("ground"), NOW, _lay_ground)
    made.later(1)
    made.environment["PYTEST_ADDOPTS"] = f"-n 0 --color=no {QUICK}"
    yield made
    made.forge.close()


@pytest.fixture
def stage(ground: Stage, tmp_path: Path) -> Iterator[Stage]:
    copied = ground.copy(tmp_path / "stage")
    yield copied
    copied.forge.close()
