"""Batch mode: one JSON object a line in, exactly one a line out, in order, `id` echoed."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from pydantic import BaseModel, ValidationError

from tool.errors import BadRequest, FtcError

T = TypeVar("T")
MAX_LINE = 1 << 24
"""Bytes; a longer line is answered with an error and skipped."""


class _Refused(ValueError):
    """A line that is no request. `data` is what could be read of it, so that its id can be echoed."""

    def __init__(self, field: str, message: str, data: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.field, self.data = field, data or {}


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
        except _Refused as error:
            bad += 1
            write(_failure(error.data, error.field, str(error)))
        except BadRequest as error:
            bad += 1
            write(_failure(data, error.field, error.message + (f" ({error.mend})" if error.mend else "")))
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
    if not isinstance(identity, (str, int)) or isinstance(identity, bool) or not _is_unicode(identity):
        identity = None
    return {"id": identity, "error": {"field": field, "message": message}}


def read_config(path: Path) -> dict[str, Any]:
    """A model's config.json. Raises BadRequest for what is no JSON object, or says something twice or not finitely."""
    content = path.read_bytes()
    try:
        if not content.strip():
            raise _Refused("", "the line is empty")
        return read_object(content)
    except _Refused as error:
        key = f"{error.field!r} " if error.field else ""
        fault = str(error).replace("the line", "the file")
        raise BadRequest("model_config", f"{path.name}: {key}{fault}", "give a Hugging Face config.json") from None


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
        if "\\u" in text and not _is_unicode(data):
            raise _Refused("", "half of a surrogate pair (\\ud800 to \\udfff) is no character")
    except _Refused as error:
        error.data = _leniently(text)
        error.field = error.field or next(
            (key for key, value in error.data.items() if isinstance(value, float) and not math.isfinite(value)), ""
        )
        raise
    except RecursionError:
        raise _Refused("", "the line is nested too deeply") from None
    except ValueError as error:
        raise _Refused("", f"the line is not JSON: {error}") from None
    if not isinstance(data, dict):
        raise _Refused("", f"the line is not a JSON object but {type(data).__name__}")
    return data


def _leniently(text: str) -> dict[str, Any]:
    """What can be read of a refused line: NaN and doubled keys pass. Empty when it is no object."""
    try:
        data = json.loads(text, parse_int=lambda digits: int(digits) if len(digits) <= 30 else None)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def _is_unicode(value: Any) -> bool:
    """Whether all text in plain data can be written as UTF-8."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


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
