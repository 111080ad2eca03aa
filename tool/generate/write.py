"""Readers of a plan: write it (atomically, file by file) or compare it with what is on disk."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tool.files import replace_file

__all__ = ["Difference", "compare", "existing", "replace_file", "write"]
OUTPUTS = "generated"


@dataclass(frozen=True)
class Difference:
    """What stands between the plan and the disk: paths relative to the root, sorted."""

    changed: tuple[str, ...]
    missing: tuple[str, ...]
    extra: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.changed or self.missing or self.extra)


def existing(root: Path) -> set[str]:
    """Every file (and link) below generated/, hidden ones too."""
    found: set[str] = set()
    for parent, folders, files in os.walk(root / OUTPUTS):
        links = [name for name in folders if (Path(parent) / name).is_symlink()]
        found |= {(Path(parent) / name).relative_to(root).as_posix() for name in [*files, *links]}
    return found


def compare(root: Path, planned: dict[str, bytes]) -> Difference:
    """Changed, missing and extra files."""
    present = existing(root)
    changed = [path for path in planned if path in present and not _same(root / path, planned[path])]
    return Difference(
        changed=tuple(sorted(changed)),
        missing=tuple(sorted(set(planned) - present)),
        extra=tuple(sorted(present - set(planned))),
    )


def _same(path: Path, content: bytes) -> bool:
    return not path.is_symlink() and path.stat().st_size == len(content) and path.read_bytes() == content


def write(root: Path, planned: dict[str, bytes]) -> Difference:
    """Make the disk equal to the plan, touching only what differs. Returns what was different.

    Each file is replaced in one step, so that a kill at any moment leaves whole files only: some old, some new, and
    `--check` tells. Raises OSError when the disk refuses; nothing is half-written then either.
    """
    difference = compare(root, planned)
    for path in (*difference.changed, *difference.missing):
        replace_file(root / path, planned[path])
    for path in difference.extra:
        (root / path).unlink()
    _remove_empty(root, difference.extra)
    return difference


def _remove_empty(root: Path, paths: Iterable[str]) -> None:
    """Remove folders that lost their last file, up to generated/ itself."""
    for path in paths:
        folder = (root / path).parent
        while folder != root / OUTPUTS and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent
