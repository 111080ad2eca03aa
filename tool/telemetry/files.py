"""Which files hold events, whose they are, and their records one at a time, never more than a cap in memory."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from tool.errors import FtcError

SUFFIXES = (".jsonl", ".json", ".parquet")
_PIECE = 1 << 20


@dataclass(frozen=True)
class EventFile:
    """One file of events: where it is, its name below the folder that was given, and its source."""

    path: Path
    name: str
    source: str


@dataclass(frozen=True)
class Refused:
    """A file that was not read, and why."""

    file: str
    reason: str


class Record(NamedTuple):
    """One record: its number from 1, where the next one begins, and its bytes (None where they are over the cap)."""

    line: int
    end: int
    content: bytes | None
    terminated: bool


def find_files(path: Path, source: str | None = None) -> tuple[list[EventFile], list[Refused]]:
    """Files of events at or below `path`, sorted. Links and special files are refused, other files ignored.

    The source of a file is the folder or file right below `path` that holds it, unless `source` names one.
    """
    if path.is_symlink():
        return [], [Refused(path.name, "is a symbolic link")]
    if not path.is_dir():
        return [EventFile(path, path.name, source or path.stem)], []
    found: list[EventFile] = []
    refused: list[Refused] = []
    for parent, folders, names in os.walk(path):
        for name in sorted([*folders, *names]):
            full = Path(parent) / name
            shown = full.relative_to(path).as_posix()
            if full.is_symlink():
                refused.append(Refused(shown, "is a symbolic link"))
            elif name in names and not full.is_file():
                refused.append(Refused(shown, "is no plain file"))
            elif name in names and full.suffix in SUFFIXES:
                top = full.relative_to(path).parts[0]
                found.append(EventFile(full, shown, source or top.removesuffix(full.suffix)))
    return sorted(found, key=lambda file: file.name), sorted(refused, key=lambda item: item.file)


def digest_of(path: Path) -> str:
    """sha256 of a file's bytes, in hex. Raises FtcError when it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise FtcError(f"{path}: cannot be read: {error.strerror or error}") from None


def records(file: BinaryIO, offset: int, done: int, cap: int) -> Iterator[Record]:
    """Records from a byte offset on, `done` of which came before. A record ends at a newline."""
    file.seek(offset)
    line = done
    while content := file.readline(cap + 2):
        line += 1
        offset += len(content)
        if len(content) <= cap + 1 or content.endswith(b"\n"):
            yield Record(line, offset, content.rstrip(b"\r\n"), content.endswith(b"\n"))
            continue
        terminated = False
        while not terminated and (piece := file.readline(_PIECE)):
            offset += len(piece)
            terminated = piece.endswith(b"\n")
        yield Record(line, offset, None, terminated)
