"""Fixtures: the real repository, and copies of it that a test may edit."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INPUTS = ("registry", "profiles", "policies", "evaluation")
SMALL_CATALOG = """\
groups:
  - models: [Qwen/Qwen2.5-0.5B-Instruct, meta-llama/Llama-3.1-8B-Instruct]
    tasks: [instruction_following]
    platforms: [colab/free]
    adapters: [lora, qlora]
  - models: [Qwen/Qwen2.5-0.5B-Instruct]
    tasks: [preference]
    platforms: [kaggle/t4x2]
    adapters: [lora]
"""


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of this very repository (read only)."""
    return ROOT


def copy_inputs(target: Path) -> Path:
    """Facts, choices and rules of the repository, copied; no outputs."""
    for folder in INPUTS:
        if (ROOT / folder).is_dir():
            shutil.copytree(ROOT / folder, target / folder, ignore=shutil.ignore_patterns("__pycache__", "*.py"))
    return target


@pytest.fixture
def repo_copy(tmp_path: Path) -> Path:
    """A copy of all inputs with a small catalogue, free to be edited."""
    copy_inputs(tmp_path)
    (tmp_path / "profiles" / "catalog.yaml").write_text(SMALL_CATALOG)
    return tmp_path


@pytest.fixture
def ftc(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run a command line in this process: (exit code, stdout, stderr)."""
    from tool.cli import cli
    from tool.cli.common import run

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(cli, [str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call
