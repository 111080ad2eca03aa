"""Which moved package breaks what ran before: delta debugging over the packages that differ between two locks.

The search is `ddmin` (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002). It finds a
smallest set in the sense that no single package can be left out, so a clash of two packages is found as two. A mix of
old and new versions that does not resolve proves nothing and counts as neither good nor bad.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from tool.deps import moved, pinned
from tool.deps.uv import compile_lock
from tool.errors import FtcError

Mix = Callable[[frozenset[str]], str | None]
Prove = Callable[[str], bool | None]


@dataclass(frozen=True)
class Guilty:
    """The packages that together break the proof, and how many mixes were proved and how many do not resolve."""

    packages: tuple[str, ...]
    proved: int
    unresolved: int


class _Verdicts:
    """Asks about each mix once: True fails, False passes, None tells nothing (it does not resolve, or not install)."""

    def __init__(self, mix: Mix, prove: Prove) -> None:
        self._mix, self._prove = mix, prove
        self.known: dict[frozenset[str], bool | None] = {}

    def fails(self, names: frozenset[str]) -> bool | None:
        if names not in self.known:
            text = self._mix(names)
            passed = None if text is None else self._prove(text)
            self.known[names] = None if passed is None else not passed
        return self.known[names]


def bisect(before: str, after: str, mix: Mix, prove: Prove) -> Guilty:
    """The packages whose move from `before` to `after` makes `prove` false.

    `mix` gives the lock in which only the named packages moved, or None when there is none.
    Raises FtcError when nothing moved, when the old lock fails as well, or when the new one passes.
    """
    names = sorted(moved(before, after))
    if not names:
        raise FtcError("the two locks hold the same packages: there is nothing to bisect")
    verdicts = _Verdicts(lambda chosen: _mixed(before, after, names, chosen, mix), prove)
    if verdicts.fails(frozenset()) is not False:
        raise FtcError("the proof fails under the old lock too: no package that moved is to blame")
    if verdicts.fails(frozenset(names)) is None:
        raise FtcError("the new lock cannot be judged: it does not install, or the proof says nothing about it")
    if verdicts.fails(frozenset(names)) is not True:
        raise FtcError("the proof passes under the new lock: no package is to blame")
    found = _smallest(names, verdicts)
    unresolved = sum(verdict is None for verdict in verdicts.known.values())
    return Guilty(tuple(found), len(verdicts.known) - unresolved, unresolved)


def _mixed(before: str, after: str, names: list[str], chosen: frozenset[str], mix: Mix) -> str | None:
    if not chosen:
        return before
    return after if len(chosen) == len(names) else mix(chosen)


def _smallest(names: list[str], verdicts: _Verdicts) -> list[str]:
    parts = 2
    while len(names) > 1:
        edges = [len(names) * index // parts for index in range(parts + 1)]
        chunks = [names[start:end] for start, end in pairwise(edges)]
        rests = [[name for name in names if name not in chunk] for chunk in chunks]
        failing = next((part for part in [*chunks, *rests] if part and verdicts.fails(frozenset(part))), None)
        if failing is not None and len(failing) < len(names):
            parts = 2 if failing in chunks else max(parts - 1, 2)
            names = failing
        elif parts >= len(names):
            break
        else:
            parts = min(2 * parts, len(names))
    return names


def mixed_requirements(before: str, after: str, chosen: frozenset[str]) -> str:
    """Pins in which the chosen packages are new and the rest old, each with its own condition on system and Python.

    A package that only the other lock has is left to the resolver.
    """
    old, new = pinned(before), pinned(after)
    lines = [(new if name in chosen else old).get(name, "") for name in sorted(old | new)]
    return "".join(lines)


def resolver(before: str, after: str, overrides: str = "") -> Mix:
    """Mixes that uv resolves; a mix whose pins contradict each other is None. Raises FtcError when the index fails."""

    def mix(chosen: frozenset[str]) -> str | None:
        found = compile_lock(mixed_requirements(before, after, chosen), overrides)
        if found.problem and not found.contradicts:
            raise FtcError(f"the resolver failed: {found.problem}")
        return found.text or None

    return mix


STANDARD_ERROR = 2
"""What a proof prints is for people to follow; the answer alone goes to standard output."""
SAYS_NOTHING = 125
"""A proof that exits with this, as for `git bisect run`, neither passed nor failed (the lock does not install, say)."""


def command_prover(command: list[str], root: Path | None = None) -> Prove:
    """Runs the command in `root` with the path of the lock appended; exit code 0 passes, 125 says nothing."""

    def prove(text: str) -> bool | None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "lock.txt"
            path.write_text(text)
            try:
                code = subprocess.run([*command, str(path)], cwd=root, check=False, stdout=STANDARD_ERROR).returncode
            except OSError as error:
                raise FtcError(f"cannot run {command[0]}: {error.strerror}") from None
        return None if code == SAYS_NOTHING else code == 0

    return prove


def training_proof(root: Path, stack: str) -> list[str]:
    """The proof where none is named: training the notebooks. Raises FtcError outside of a checkout with its tests."""
    if not (root / "tool/tests/notebooks/prove.py").is_file():
        raise FtcError(f"{root} holds no notebook tests: name a PROOF, a command that judges a lock")
    return [sys.executable, "-m", "tool.tests.notebooks.prove", "--stack", stack]
