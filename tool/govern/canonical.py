"""The one byte form of state and events: block YAML, fields in the order of their schema, a newline at the end.

Text is written plain where no YAML reader could take it for something else, and in double quotes everywhere else, so
that the bytes follow from the data alone and not from the version of a library.
"""

from __future__ import annotations

import json
import re
from typing import Any

from pydantic import BaseModel

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|\d+\.\d+\.\d+(?:[.-][A-Za-z0-9]+)*")
_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
_HEX = re.compile(r"[0-9a-f]{16,}")


def _letter(letter: str) -> str:
    """One character inside double quotes. Line breaks, controls and marks that hide themselves are escaped."""
    code = ord(letter)
    if letter in '"\\':
        return f"\\{letter}"
    if 0x20 <= code <= 0x7E or 0xA1 <= code < 0x2000 or 0x2070 <= code < 0xD800:
        return letter
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _quoted(text: str) -> str:
    return f'"{"".join(map(_letter, text))}"'


def _scalar(value: Any) -> str:
    """One value on one line. Raises TypeError for what has no place in these files."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return json.dumps(value, allow_nan=False)
    if isinstance(value, str):
        safe = _PLAIN.fullmatch(value) and value.lower() not in _WORDS and not _HEX.fullmatch(value)
        return value if safe else _quoted(value)
    raise TypeError(f"{type(value).__name__} has no canonical form")


def _lines(value: Any, indent: str) -> list[str]:
    if isinstance(value, dict):
        items = [(f"{indent}{_scalar(str(key))}:", part) for key, part in value.items()]
    else:
        items = [(f"{indent}-", part) for part in value]
    lines: list[str] = []
    for head, part in items:
        if isinstance(part, (dict, list, tuple)) and part:
            lines += [head, *_lines(part, indent + "  ")]
        elif isinstance(part, dict):
            lines.append(f"{head} {{}}")
        elif isinstance(part, (list, tuple)):
            lines.append(f"{head} []")
        else:
            lines.append(f"{head} {_scalar(part)}")
    return lines


def canonical_yaml(record: BaseModel) -> bytes:
    """The bytes of a state or an event."""
    data = record.model_dump(mode="python", by_alias=True)
    if isinstance(data.get("stages"), dict):
        data["stages"] = dict(sorted(data["stages"].items()))
    return ("\n".join(_lines(data, "")) + "\n").encode()
