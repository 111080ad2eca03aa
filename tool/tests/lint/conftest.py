"""Linting a text as if it stood in a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tool.lint.check import Options, Report, lint
from tool.lint.view import Target
from tool.load import open_repo
from tool.priors import load_priors

Linter = Callable[..., Report]


@pytest.fixture(scope="session")
def knowledge(root: Path) -> tuple[Any, Any]:
    """The registry and its priors, as the command uses them."""
    repo = open_repo(root)
    return repo, load_priors(repo)


@pytest.fixture
def linted(tmp_path: Path, knowledge: tuple[Any, Any]) -> Linter:
    """`linted(text, framework, name=…, gpu=…, rows=…)`: the report of one document."""

    def run(text: str, framework: str | None = None, name: str = "run.yaml", **more: Any) -> Report:
        path = tmp_path / name
        path.write_text(text)
        version, ignore = more.pop("version", None), frozenset(more.pop("ignore", ()))
        (report,) = lint(path, name, Options(framework, version, Target(**more), ignore), *knowledge)
        return report

    return run
