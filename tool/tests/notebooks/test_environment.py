"""The environment that notebooks train in is the lock itself, package by package."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from tool.deps import lock_path, provided
from tool.load import open_repo
from tool.tests.notebooks import environment, harness

pytestmark = pytest.mark.prove

STACK = os.environ.get("NOTEBOOK_STACK") or environment.STACK
COMPARE = """
import importlib.metadata, json, re, sys
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

lines = re.findall(r"^([A-Za-z0-9][^#\\\\]*)", open(sys.argv[1]).read(), re.MULTILINE)
needed = [found for found in map(Requirement, lines) if found.marker is None or found.marker.evaluate()]
installed = {canonicalize_name(found.metadata["Name"]): found.version for found in importlib.metadata.distributions()}
wanted = {canonicalize_name(found.name): str(found.specifier)[2:] for found in needed}
print(json.dumps({"wanted": wanted, "installed": installed}))
"""


def test_what_is_installed_is_what_the_lock_holds() -> None:
    """Every package that the lock holds for this system is there in its version, and so is what an image brings."""
    lock = os.environ.get("FTC_NOTEBOOK_LOCK") or environment.ROOT / lock_path(STACK)
    done = subprocess.run([harness.PYTHON, "-c", COMPARE, str(lock)], capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    stack = open_repo(environment.ROOT).stacks[STACK]
    image = {name: version.split("+")[0] for name, version in provided(stack).items()}
    assert len(found["wanted"]) > 40
    for name, version in (found["wanted"] | image).items():
        assert found["installed"].get(name, "nothing").split("+")[0] == version, name
