"""Newer pins on their way from the job that tried them to the job that publishes them: one file of data, never trusted.

The first job runs packages that nobody has tried yet, so whatever leaves it may be forged. The second one holds a
token. It believes nothing that it cannot make again: the files must be those of stacks, and equal what the same day's
index resolves to. What is left to believe is only that the notebooks trained.
"""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from tool.deps import lock_path
from tool.deps.moves import Move, files_of, move_of, stack_path
from tool.errors import Fault, InputFaults
from tool.schema.dependency import Stack

NAME = "proposal.json"
LARGEST_BYTES = 4 << 20
"""Five stacks with their locks take half a MiB."""
KEYS = ("day", "files")
FORGED = "do not publish it: read the log of the job that made it"


def written(day: str, files: dict[str, str]) -> bytes:
    """The document: the day that counts (YYYY-MM-DD), and path → text."""
    return (json.dumps({"day": day, "files": files}, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def adopted(root: Path, folder: Path, stacks: list[Stack], today: str) -> tuple[list[Move], dict[str, str]]:
    """What a proposal moves, and path → text, made here and now for its day. Asks the package index.

    Raises InputFaults with everything that tells it from what this repository's own program would propose.
    """
    document = _document(folder)
    faults = [*_of_form(document)] or [*_of_day(document["day"], stacks, today), *_of_paths(document["files"], stacks)]
    if faults:
        raise InputFaults(faults)
    moves = [move_of(root, stack, document["day"]) for stack in stacks]
    made = {path: text for move in moves for path, text in files_of(root, move).items()}
    if differing := [*_of_content(document, made)]:
        raise InputFaults(differing)
    return moves, made


def _fault(field: str, message: str, mend: str = FORGED) -> Fault:
    return Fault(NAME, 0, field, message, mend)


def _document(folder: Path) -> Any:
    """The parsed file, where it is the only thing in its folder. Raises InputFaults."""
    found = {path.name: path.lstat() for path in sorted(folder.iterdir())}
    faults = [_fault("", f"an unexpected file lies beside it: {name[:80]!r}") for name in found if name != NAME]
    if NAME not in found:
        faults.append(_fault("", f"is not in {folder}", "name the folder that the artifact was put into"))
    elif not stat.S_ISREG(found[NAME].st_mode):
        faults.append(_fault("", "is no plain file"))
    elif found[NAME].st_size > LARGEST_BYTES:
        faults.append(_fault("", f"has {found[NAME].st_size} bytes, more than {LARGEST_BYTES}"))
    if faults:
        raise InputFaults(faults)
    try:
        return json.loads((folder / NAME).read_bytes())
    except (ValueError, RecursionError) as error:
        raise InputFaults([_fault("", f"is no JSON: {str(error)[:80]}")]) from None


def _of_form(document: Any) -> Iterator[Fault]:
    if not isinstance(document, dict) or set(document) != set(KEYS):
        yield _fault("", f"is no object of exactly {' and '.join(KEYS)}")
    elif not isinstance(document["day"], str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", document["day"]):
        yield _fault("day", "is no YYYY-MM-DD")
    elif not isinstance(document["files"], dict) or not document["files"]:
        yield _fault("files", "maps no path to a text")


def _of_day(day: str, stacks: list[Stack], today: str) -> Iterator[Fault]:
    """A day that is none, lies ahead, or before the one that a stack was resolved for (which would move it back)."""
    try:
        date.fromisoformat(day)
    except ValueError:
        yield _fault("day", f"{day} is no day")
    if day > today:
        yield _fault("day", f"{day} is later than today, {today}")
    for stack in stacks:
        if day < stack.as_of:
            yield _fault("day", f"{day} is before {stack.as_of}, which {stack.id} was resolved for already")


def _of_paths(files: dict[str, Any], stacks: list[Stack]) -> Iterator[Fault]:
    allowed = {path for stack in stacks for path in (stack_path(stack.id), lock_path(stack.id))}
    for path, text in sorted(files.items()):
        if path not in allowed:
            yield _fault(
                f"files[{path[:120]!r}]", "is neither a stack with ranges nor its lock: nothing else may change"
            )
        elif not isinstance(text, str):
            yield _fault(f"files[{path!r}]", "is no text")


def _of_content(document: dict[str, Any], made: dict[str, str]) -> Iterator[Fault]:
    """Where the proposal differs from what its day resolves to."""
    files, day = document["files"], document["day"]
    for path in sorted(files.keys() - made.keys()):
        yield _fault(f"files[{path!r}]", f"nothing moves in it as of {day}")
    for path in sorted(made.keys() - files.keys()):
        yield _fault(f"files[{path!r}]", f"is missing, although its stack moves as of {day}")
    for path in sorted(made.keys() & files.keys()):
        if files[path] != made[path]:
            line, told = _first_difference(files[path], made[path])
            yield _fault(f"files[{path!r}]", f"line {line} is {told!r}, not what its ranges resolve to as of {day}")


def _first_difference(given: str, wanted: str) -> tuple[int, str]:
    """Number and beginning of the first line that differs; `given` and `wanted` are not equal."""
    lines, right = given.split("\n"), wanted.split("\n")
    at = next((at for at, (one, other) in enumerate(zip(lines, right, strict=False)) if one != other), None)
    at = min(len(lines), len(right)) if at is None else at
    return at + 1, lines[at][:80] if at < len(lines) else ""
