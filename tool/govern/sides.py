"""Both sides of a change, read as data: the base from git, the change from the working tree."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tool.govern.evidence import REPORTS
from tool.govern.git import Changed, Git
from tool.govern.store import ENGINES
from tool.govern.tree import read_tree
from tool.policy.digests import CEILINGS, GOLDEN

FOLDERS = ("policies", ENGINES, REPORTS, GOLDEN, CEILINGS)
KEEP = (".yaml", ".yml", ".json", ".jsonl")


@dataclass(frozen=True)
class Sides:
    """Both sides of a change: files as path → bytes, and where they parted."""

    root: Path
    git: Git
    base: str
    parted: str
    changed: tuple[Changed, ...]
    base_files: dict[str, bytes]
    files: dict[str, bytes]
    now: datetime


def open_sides(root: Path, base: str, now: datetime) -> Sides:
    """Read both sides. Raises BadRequest for a base that is not there."""
    git = Git(root)
    commit = git.commit(base)
    parted = git.merge_base(commit, git.commit("HEAD")) or commit
    return Sides(
        root=root,
        git=git,
        base=commit,
        parted=parted,
        changed=tuple(git.changed(parted)),
        base_files=git.read(commit, FOLDERS, KEEP),
        files=read_tree(root, FOLDERS, KEEP),
        now=now,
    )
