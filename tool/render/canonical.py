"""Canonical JSON of a notebook: what `json.dumps` writes with an indent, without its slow path through Python.

CPython's C encoder serves compact JSON only; with an indent every token passes through generators. A notebook is
mostly lists of lines, which are joined here in one go.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from json.encoder import encode_basestring
from typing import Any


@dataclass(frozen=True)
class Written:
    """A part whose canonical text, at the depth where it stands, is known already."""

    text: str


def canonical(value: Any, depth: int = 0) -> str:
    """`json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)`, byte for byte.

    Keys must be text. Raises ValueError for NaN and infinities, TypeError for what is not plain data.
    """
    if type(value) is str:
        return encode_basestring(value)
    if type(value) is Written:
        return value.text
    if isinstance(value, dict):
        items = [f"{encode_basestring(key)}: {canonical(value[key], depth + 1)}" for key in sorted(value)]
        return _wrapped(items, "{", "}", depth)
    if isinstance(value, list | tuple):
        try:
            items = [*map(encode_basestring, value)]  # lines of text, as in every cell
        except TypeError:
            items = [canonical(item, depth + 1) for item in value]
        return _wrapped(items, "[", "]", depth)
    return "null" if value is None else json.dumps(value, allow_nan=False)


def written_lines(text: str, depth: int) -> Written:
    """A text as the list of its lines, each with its line break, as notebooks hold it. `text` may not be empty."""
    margin = "\n" + " " * (depth + 1)
    lines = [quoted[:-1] for quoted in map(encode_basestring, text.split("\n"))]
    return Written("[" + margin + f'\\n",{margin}'.join(lines) + '"' + margin[:-1] + "]")


def _wrapped(items: list[str], opening: str, closing: str, depth: int) -> str:
    if not items:
        return opening + closing
    margin = "\n" + " " * (depth + 1)
    return f"{opening}{margin}{(',' + margin).join(items)}{margin[:-1]}{closing}"
