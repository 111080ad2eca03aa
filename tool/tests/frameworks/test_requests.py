"""The design of the requests, and the requirements of the environments, checked without any framework."""

from __future__ import annotations

import re

import pytest

from tool.export import names
from tool.export.files import framework
from tool.load import open_repo
from tool.tests.conftest import ROOT
from tool.tests.frameworks.design import ADAPTERS, LEAST, OBJECTIVES, cases, refused
from tool.tests.frameworks.environments import NAMES, REQUIREMENTS
from tool.tests.frameworks.probing import NAMES as PROBED

STACKS = {name: name.removesuffix("-script") for name in names()}


@pytest.mark.parametrize("name", PROBED)
def test_the_design_is_diverse(name: str) -> None:
    """Forty exports and more, none alike; each objective with each adapter, several cards, sharded ones among them."""
    made = cases(open_repo(ROOT), name)
    assert len({case.done.text for case in made}) == len(made) >= LEAST
    pairs = {(case.plan.objective, case.plan.adapter) for case in made}
    assert pairs == {(objective, adapter) for objective in framework(name).objectives for adapter in ADAPTERS}
    assert len({(case.request["gpu"], case.plan.gpus) for case in made}) >= 5
    assert {"none", "ddp"} < {case.plan.sharding for case in made}
    assert {"none", "nf4", "nf4-dq", "int8"} == {case.plan.quantization for case in made}
    assert {"bf16", "fp16", "fp32"} == {case.plan.precision for case in made}


@pytest.mark.parametrize("name", PROBED)
def test_objectives_that_a_framework_lacks_are_refused(name: str) -> None:
    """Asked for the others, it says which ones it trains."""
    answers = refused(open_repo(ROOT), name)
    assert set(answers) == set(OBJECTIVES) - framework(name).objectives
    assert all(f"does not train {objective}" in answer for objective, answer in answers.items())


@pytest.mark.parametrize("name", sorted({*STACKS.values()}))
def test_environments_are_pinned_and_hashed(name: str) -> None:
    """Each export's environment has a lock: every package at one version with hashes, none by an address."""
    assert name in NAMES
    lines = (REQUIREMENTS / f"{name}.lock").read_text().splitlines()
    packages = [line for line in lines if line and not line[0].isspace()]
    assert all(re.fullmatch(r"[a-z0-9._-]+(\[[a-z0-9,-]+\])?==\S+( ; .*)? \\", line) for line in packages)
    assert all(line.strip().startswith("--hash=sha256:") for line in lines if line and line[0].isspace())
    assert not any("://" in line for line in lines)


@pytest.mark.parametrize("name", names())
def test_exports_name_the_version_that_is_tested(name: str) -> None:
    """The head of a file names the release whose parser the tests run."""
    package = {"unsloth": "unsloth", "ms-swift": "ms-swift"}.get(STACKS[name], STACKS[name])
    assert f"\n{package}=={framework(name).version} " in (REQUIREMENTS / f"{STACKS[name]}.lock").read_text()
