"""Batch mode: one JSON object a line in, exactly one a line out, in order, `id` echoed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO, TypeVar

from pydantic import BaseModel, ValidationError

from tool.errors import BadRequest, FtcError

T = TypeVar("T")
MAX_LINE = 1 << 24
"""Bytes; a longer line is answered with an error and skipped."""


class _Refused(ValueError):
    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def lines_of(stream: BinaryIO) -> Iterator[bytes | None]:
    """Lines of a stream, without their newlines; None for a line longer than 16 MiB."""
    while line := stream.readline(MAX_LINE + 1):
        if len(line) <= MAX_LINE:
            yield line.rstrip(b"\r\n")
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(MAX_LINE)
        yield None


def run_batch(
    lines: Iterable[bytes | None],
    parse: Callable[[dict[str, Any]], T],
    answer: Callable[[T], dict[str, Any]],
    write: Callable[[dict[str, Any]], None],
) -> int:
    """Answer every line. Returns the number of lines that could not be answered."""
    bad = 0
    for line in lines:
        data: dict[str, Any] = {}
        try:
            data = read_object(line)
            write(answer(parse(data)))
        except (_Refused, BadRequest) as error:
            bad += 1
            write(_failure(data, error.field, str(getattr(error, "message", error))))
        except ValidationError as error:
            bad += 1
            first = error.errors()[0]
            write(_failure(data, ".".join(str(part) for part in first["loc"]), _message(first)))
        except FtcError as error:
            bad += 1
            write(_failure(data, "", str(error)))
    return bad


def _message(error: Any) -> str:
    text = str(error["msg"])
    given = repr(error.get("input"))
    return f"{text[0].lower()}{text[1:]}, got {given if len(given) < 60 else given[:57] + '...'}"


def _failure(data: dict[str, Any], field: str, message: str) -> dict[str, Any]:
    identity = data.get("id")
    if not isinstance(identity, (str, int)) or isinstance(identity, bool):
        identity = None
    return {"id": identity, "error": {"field": field, "message": message}}


def read_object(line: bytes | None) -> dict[str, Any]:
    """One line → an object. Refuses what JSON refuses, and NaN, infinities, duplicate keys and non-objects."""
    if line is None:
        raise _Refused("", "the line is longer than 16 MiB")
    if not line.strip():
        raise _Refused("", "the line is blank: write one JSON object a line")
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _Refused("", f"the line is not UTF-8 (byte {error.start})") from None
    try:
        data = json.loads(text, parse_constant=_constant, object_pairs_hook=_pairs, parse_int=_integer)
    except _Refused:
        raise
    except RecursionError:
        raise _Refused("", "the line is nested too deeply") from None
    except ValueError as error:
        raise _Refused("", f"the line is not JSON: {error}") from None
    if not isinstance(data, dict):
        raise _Refused("", f"the line is not a JSON object but {type(data).__name__}")
    return data


def _constant(name: str) -> float:
    raise _Refused("", f"{name} is not a JSON number")


def _integer(text: str) -> int:
    if len(text) > 30:
        raise _Refused("", f"a number of {len(text)} digits is absurd")
    return int(text)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for key, value in pairs:
        if key in data:
            raise _Refused(key, "is given twice")
        data[key] = value
    return data


def plain(model: BaseModel) -> dict[str, Any]:
    """An answer as plain data."""
    return model.model_dump(mode="json")
