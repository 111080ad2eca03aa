"""What the newest versions within the ranges move in each stack, and the two files of it that this makes anew."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tool.deps import applying_clashes, lock_path, moved
from tool.deps.pythons import proofs
from tool.deps.update import Updated, rewritten, update
from tool.schema.dependency import Stack


@dataclass(frozen=True)
class Move:
    """A stack, and what a day's newest versions make of it. `packages`: name → (version before, version after)."""

    stack: Stack
    updated: Updated
    packages: dict[str, tuple[str, str]]
    clashes: tuple[str, ...]
    """Known clashes that the stack's present lock does not meet."""


def stack_path(id: str) -> str:
    """Where a stack is written, relative to the root."""
    return f"profiles/dependencies/{id}.yaml"


def move_of(root: Path, stack: Stack, day: str) -> Move:
    """What was published before `day` (YYYY-MM-DD), as the index tells. Raises FtcError where nothing satisfies."""
    lock = root / lock_path(stack.id)
    before = lock.read_text() if lock.is_file() else ""
    found = update(stack, day)
    known = {clash.id for clash in applying_clashes(stack, before)}
    clashes = {clash.id for clash in applying_clashes(found.stack, found.lock)} - known
    return Move(stack, found, moved(before, found.lock), tuple(sorted(clashes)))


def files_of(root: Path, move: Move) -> dict[str, str]:
    """Path → text of a stack that moved and of its lock, proved to install on every Python; empty where nothing moved.

    Raises FtcError where it does not install.
    """
    if not move.packages:
        return {}
    after = move.updated
    proved = after.stack.model_copy(update={"resolved": proofs(after.stack, after.lock)})
    path = stack_path(move.stack.id)
    return {path: rewritten((root / path).read_text(), move.stack, proved), lock_path(move.stack.id): after.lock}


def markdown(moves: list[Move]) -> str:
    """What moved, for a pull request: one table, stacks that moved alike in one row."""
    rows: dict[tuple[str, str, str], list[str]] = {}
    for move in sorted(moves, key=lambda move: move.stack.id):
        for name, (old, new) in move.packages.items():
            rows.setdefault((name, old or "absent", new or "absent"), []).append(move.stack.id)
    lines = ["| package | before | after | stacks |", "|---|---|---|---|"]
    lines += [f"| {name} | {old} | {new} | {', '.join(ids)} |" for (name, old, new), ids in sorted(rows.items())]
    clashes = sorted({clash for move in moves for clash in move.clashes})
    lines += [f"\nA known clash applies to the newer versions: {clash}." for clash in clashes]
    return "\n".join(lines) + "\n"
