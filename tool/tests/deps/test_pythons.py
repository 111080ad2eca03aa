"""Every lock resolves on Linux x86-64 with each Python that the stacks name (needs an index)."""

from __future__ import annotations

import re

import pytest

from tool.deps import lock_path, locked, provided
from tool.deps.pythons import PYTHONS, installable
from tool.errors import FtcError
from tool.load import open_repo
from tool.schema.dependency import Stack
from tool.tests.conftest import ROOT

pytestmark = pytest.mark.prove

STACKS = list(open_repo(ROOT).stacks)


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("stack", STACKS, ids=lambda stack: stack.id)
def test_locks_resolve_on_every_python(stack: Stack, python: str) -> None:
    """All that a lock needs is in it, in one version for each Python, as many packages as the stack states."""
    lock = (ROOT / lock_path(stack.id)).read_text()
    found, held = installable(lock, python, not provided(stack)), locked(lock)
    assert {name: version for name, version in found.items() if version not in held[name]} == {}
    assert {line.python: line.packages for line in stack.resolved}[python] == len(found)


def test_a_lock_that_lacks_a_package_does_not_resolve() -> None:
    """Without one package that others need the lock is refused, so that the test above can fail."""
    text = (ROOT / lock_path("trl")).read_text()
    without = re.sub(r"^filelock==.*\n(?:    .*\n)+", "", text, flags=re.MULTILINE)
    assert "filelock" in locked(text) and "filelock" not in locked(without)
    with pytest.raises(FtcError, match="filelock"):
        installable(without, "3.12")
