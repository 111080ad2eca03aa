"""JSONL files of recipes → rows, one line at a time; a line over the cap is skipped without being held in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from tool.errors import FtcError
from tool.recipes.draft import BadValue, Row
from tool.recipes.native import flattened

MAX_LINE_BYTES = 1 << 20
_CHUNK = 1 << 16
UNNAMED = "line-"
"""What the id of a row without one begins with."""


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no row: its number, the field (empty for the line as a whole), what is wrong and the mend."""

    line: int
    field: str
    message: str
    mend: str


def read_rows(path: Path, default_schema: str | None = None) -> Iterator[tuple[int, Row | BadLine]]:
    """Every line that is not blank, with its number. Raises FtcError when the file cannot be opened."""
    try:
        with path.open("rb") as file:
            for line, content in _lines(file):
                if content is None:
                    yield line, BadLine(line, "", f"is longer than {MAX_LINE_BYTES >> 20} MiB", "split the row")
                elif content.strip():
                    yield line, _row(line, content, default_schema)
    except OSError as error:
        raise FtcError(f"{path}: cannot be read: {error.strerror or error}") from None


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes | None]]:
    """Lines of at most MAX_LINE_BYTES; None for a longer one, whose rest is read and thrown away piece by piece."""
    number = 0
    while content := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(content) <= MAX_LINE_BYTES or content.endswith(b"\n"):
            yield number, content
            continue
        while not content.endswith(b"\n"):
            content = file.readline(_CHUNK)
            if not content:
                break
        yield number, None


def _row(line: int, content: bytes, default_schema: str | None) -> Row | BadLine:
    try:
        data = json.loads(content)
    except UnicodeDecodeError:
        return BadLine(line, "", "is not UTF-8", "save the file as UTF-8")
    except RecursionError:
        return BadLine(line, "", "is nested too deeply", "flatten it")
    except ValueError as error:
        return BadLine(line, "", f"is not JSON: {error}", "write one JSON object on the line")
    if not isinstance(data, dict):
        return BadLine(line, "", f"is a JSON {type(data).__name__}, not an object", "write {...}")
    try:
        return _typed(line, data, default_schema)
    except BadValue as error:
        return BadLine(line, error.field, error.message, error.mend)


def _typed(line: int, data: dict[str, Any], default_schema: str | None) -> Row:
    """The envelope {id, schema, source, config}, or a bare configuration that fills the whole line."""
    enveloped = isinstance(data.get("config"), dict)
    config = data["config"] if enveloped else {key: value for key, value in data.items() if key not in ("id", "schema")}
    source = data.get("source") if enveloped else None
    source = source if isinstance(source, dict) else {}
    _check_text("id", data.get("id"), (str, int))
    _check_text("schema", data.get("schema"), (str,))
    return Row(
        id=str(data.get("id", f"{UNNAMED}{line}")),
        schema=str(data.get("schema") or default_schema or ""),
        repo=str(source.get("repo") or ""),
        path=str(source.get("path") or ""),
        config=flattened(config),
        commit=source.get("commit"),
        license=source.get("license"),
        date=source.get("date"),
        variant=data.get("variant") or data.get("schema_version"),
        command=data.get("command") or data.get("entrypoint"),
        measured=data.get("measured") if isinstance(data.get("measured"), dict) else None,
        sweep=data.get("sweep") if isinstance(data.get("sweep"), dict) else None,
        flags=tuple(data.get("flags") or ()),
    )


def _check_text(field: str, value: Any, kinds: tuple[type, ...]) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, kinds)):
        raise BadValue(field, f"must be text, got {str(value)[:40]!r}", "write a text")
