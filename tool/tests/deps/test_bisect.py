"""Bisection finds the planted culprit, whatever else moved."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tool.deps import lock_path, locked, overrides
from tool.deps.bisect import bisect, command_prover, mixed_requirements, resolver, training_proof
from tool.deps.uv import compile_lock
from tool.errors import FtcError
from tool.load import open_repo
from tool.tests.conftest import ROOT
from tool.tests.deps import wheels

NAMES = [f"package-{index:02}" for index in range(20)]
OLD = "".join(f"{name}==1.0\n" for name in NAMES)
NEW = "".join(f"{name}==2.0\n" for name in NAMES)


def _mix(chosen: frozenset[str]) -> str:
    return mixed_requirements(OLD, NEW, chosen)


@pytest.mark.parametrize("culprit", NAMES)
def test_one_culprit(culprit: str) -> None:
    """The one package whose new version fails is named, in far fewer proofs than there are packages."""
    found = bisect(OLD, NEW, _mix, lambda text: locked(text)[culprit] == ("1.0",))
    assert found.packages == (culprit,)
    assert found.proved <= 14


def test_two_that_clash() -> None:
    """Two packages that fail only together are both named."""
    pair = ("package-03", "package-17")
    found = bisect(OLD, NEW, _mix, lambda text: any(locked(text)[name] == ("1.0",) for name in pair))
    assert found.packages == pair


def test_mixes_that_do_not_resolve() -> None:
    """Packages that can only move together are named together, and the culprit is among them."""
    bound = {"package-04", "package-05"}

    def mix(chosen: frozenset[str]) -> str | None:
        return _mix(chosen) if len(bound & chosen) in (0, 2) else None

    found = bisect(OLD, NEW, mix, lambda text: locked(text)["package-05"] == ("1.0",))
    assert found.packages == ("package-04", "package-05")
    assert found.unresolved > 0


def test_nothing_to_blame() -> None:
    """No package is accused when nothing moved, the old lock fails too, or the new one passes."""
    for after, verdict in [(OLD, True), (NEW, False), (NEW, True)]:
        with pytest.raises(FtcError):
            bisect(OLD, after, _mix, lambda _, verdict=verdict: verdict)


def test_command(tmp_path: Path) -> None:
    """A command that reads the lock it is given proves it by its exit code."""
    script = tmp_path / "proof.py"
    script.write_text("import sys; sys.exit('package-11==2.0' in open(sys.argv[1]).read())")
    found = bisect(OLD, NEW, _mix, command_prover([sys.executable, str(script)]))
    assert found.packages == ("package-11",)


TINY = ("alder", "birch", "cedar", "dogwood", "elder")
INSTALL_AND_IMPORT = """
import subprocess, sys
from pathlib import Path
from tool.deps.uv import find_uv

folder = Path(sys.argv[1]).parent / "environment"
subprocess.run([find_uv(), "venv", "-q", str(folder)], check=True)
install = [find_uv(), "pip", "install", "-q", "--no-config", "--python", str(folder / "bin/python")]
done = subprocess.run([*install, "--require-hashes", "-r", sys.argv[1]])
if done.returncode:
    sys.exit(125)
sys.exit(subprocess.run([str(folder / "bin/python"), "-c", "import alder, birch, cedar, dogwood, elder"]).returncode)
"""


@pytest.mark.prove
def test_a_broken_package_of_an_index_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ftc: Callable[..., tuple[int, str, str]]
) -> None:
    """Five packages of a local index moved and one breaks on import: each mix is locked, installed and imported."""
    index = tmp_path / "index"
    for name in TINY:
        for version in ("1.0", "2.0"):
            breaks = (name, version) == ("dogwood", "2.0")
            wheels.pack(index, name, {f"{name}/__init__.py": wheels.BROKEN.encode() if breaks else b""}, version)
    monkeypatch.setenv("UV_FIND_LINKS", str(index))
    monkeypatch.setenv("UV_NO_INDEX", "1")
    for path, limit in (("before.txt", "<2"), ("after.txt", "")):
        (tmp_path / path).write_text(compile_lock("".join(f"{name}{limit}\n" for name in TINY), "").text)
    (tmp_path / "proof.py").write_text(INSTALL_AND_IMPORT)
    locks = ("--before", tmp_path / "before.txt", "--after", tmp_path / "after.txt")
    code, out, errors = ftc(
        *("deps", "bisect", "--root", ROOT, "--stack", "trl", *locks, "--", sys.executable, tmp_path / "proof.py")
    )
    assert (code, out.split(" (")[0]) == (0, "guilty: dogwood"), errors


def test_a_lock_that_cannot_be_judged_is_told(tmp_path: Path) -> None:
    """A proof that says nothing about the new lock accuses nobody."""
    script = tmp_path / "proof.py"
    script.write_text("import sys; sys.exit(125 if '==2.0' in open(sys.argv[1]).read() else 0)")
    with pytest.raises(FtcError, match="cannot be judged"):
        bisect(OLD, NEW, _mix, command_prover([sys.executable, str(script)]))


def test_training_is_the_proof_where_none_is_named(tmp_path: Path) -> None:
    """In a checkout the notebooks are trained under the stack's lock; elsewhere a proof must be named."""
    assert training_proof(ROOT, "trl")[1:] == ["-m", "tool.tests.notebooks.prove", "--stack", "trl"]
    with pytest.raises(FtcError, match="name a PROOF"):
        training_proof(tmp_path, "trl")


def test_a_mix_keeps_the_conditions_of_each_line() -> None:
    """Each package keeps the systems and Pythons that its own lock names, several versions included."""
    old = "alder==1.0 ; sys_platform == 'linux' \\\n    --hash=sha256:00\nbirch==1.0 \\\n    --hash=sha256:00\n"
    new = "alder==2.0 ; python_full_version < '3.12' \\\n    --hash=sha256:00\n"
    new += "alder==3.0 ; python_full_version >= '3.12' \\\n    --hash=sha256:00\nbirch==2.0 \\\n    --hash=sha256:00\n"
    assert mixed_requirements(old, new, frozenset()) == "alder==1.0 ; sys_platform == 'linux'\nbirch==1.0\n"
    assert mixed_requirements(old, new, frozenset({"alder"})).splitlines() == [
        "alder==2.0 ; python_full_version < '3.12'",
        "alder==3.0 ; python_full_version >= '3.12'",
        "birch==1.0",
    ]


@pytest.mark.prove
@pytest.mark.parametrize("id", ["trl", "trl-pascal"])
def test_the_locks_of_stacks_can_be_mixed(id: str) -> None:
    """A lock of a real stack with one package put back to another release resolves, whatever else it holds."""
    stack = open_repo(ROOT).stacks[id]
    text = (ROOT / lock_path(id)).read_text()
    other = text.replace("\ntqdm==4.70.1", "\ntqdm==4.67.1")
    assert other != text
    mixed = resolver(other, text, overrides(stack))(frozenset({"tqdm"}))
    assert mixed is not None and locked(mixed) == locked(text)


@pytest.mark.prove
def test_real_resolver() -> None:
    """uv refuses a mix whose pins contradict each other, and gives hashes for one that holds."""
    before = "jinja2==3.1.5\nmarkupsafe==2.1.5\n"
    after = "jinja2==3.1.6\nmarkupsafe==1.1.1\n"
    mix = resolver(before, after)
    assert mix(frozenset({"markupsafe"})) is None
    text = mix(frozenset({"jinja2"}))
    assert text is not None and locked(text)["jinja2"] == ("3.1.6",) and "--hash=sha256:" in text
