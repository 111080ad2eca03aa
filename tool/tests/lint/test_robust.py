"""Whatever a file holds, the linter answers with findings or one clear error, never with a traceback."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tool.errors import BadRequest
from tool.lint.check import Options, lint
from tool.lint.view import Target
from tool.tests.lint.test_rules import SOUND, UNSLOTH

ODD: list[Any] = [None, True, 0, -1, 1.5, 10**30, -(10**30), float("nan"), float("inf"), "", "auto", "$X", "${a.b}"]
ODD += [
    "\x00",
    "é" * 300,
    [],
    [[]],
    [None],
    [1, "a", {}],
    {},
    {"a": {"b": 1}},
    "1e-4",
    "2024-01-01",
    "no",
    b"raw".decode(),
]
SETTINGS = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("name", [name for name in SOUND if name != "unsloth"])
@SETTINGS
@given(data=st.data())
def test_odd_values_are_findings(name: str, data: st.DataObject, tmp_path: Path, knowledge: tuple[Any, Any]) -> None:
    """Any key of a sound file with any value, several at once, on a card and with rows."""
    config = yaml.safe_load(SOUND[name])
    for key in data.draw(st.lists(st.sampled_from(sorted(config)), max_size=4)):
        config[key] = data.draw(st.sampled_from(ODD))
    path = tmp_path / "run.yaml"
    path.write_text(yaml.safe_dump(config, allow_unicode=True))
    options = Options(name.split()[0], None, Target(gpu="T4", rows=data.draw(st.sampled_from([None, 1, 10**6]))))
    for report in lint(path, "run.yaml", options, *knowledge):
        assert all(finding.message for finding in report.findings)


@SETTINGS
@given(text=st.text(max_size=200), suffix=st.sampled_from([".yaml", ".json", ".py", ".ipynb", ".sh"]))
def test_any_text_is_read_or_refused(text: str, suffix: str, tmp_path: Path, knowledge: tuple[Any, Any]) -> None:
    """Text of every kind under every ending."""
    path = tmp_path / f"run{suffix}"
    path.write_text(text, errors="surrogatepass" if "\ud800" <= max(text, default="a") <= "\udfff" else "strict")
    with contextlib.suppress(BadRequest):
        lint(path, path.name, Options(), *knowledge)


@SETTINGS
@given(cut=st.integers(0, len(UNSLOTH)), noise=st.text(st.sampled_from("(){}[]=,.'\"\\\n 0aF*#!%"), max_size=12))
def test_a_script_with_a_hole_is_read_or_refused(
    cut: int, noise: str, tmp_path: Path, knowledge: tuple[Any, Any]
) -> None:
    """As it stands in an editor while someone types."""
    path = tmp_path / "run.py"
    path.write_text(UNSLOTH[:cut] + noise + UNSLOTH[cut:])
    with contextlib.suppress(BadRequest):
        lint(path, path.name, Options(), *knowledge)
