"""Canonical JSON of a notebook: what `json.dumps` writes with an indent, without its slow path through Python.

CPython's C encoder serves compact JSON only; with an indent every token passes through generators. A notebook is
mostly lists of lines, which are joined here in one go.
"""

from __future__ import annotations

import json
from json.encoder import encode_basestring
from typing import Any


def canonical(value: Any, depth: int = 0) -> str:
    """`json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)`, byte for byte.

    Keys must be text. Raises ValueError for NaN and infinities, TypeError for what is not plain data.
    """
    if type(value) is str:
        return encode_basestring(value)
    if isinstance(value, dict):
        items = [f"{encode_basestring(key)}: {canonical(value[key], depth + 1)}" for key in sorted(value)]
        return _wrapped(items, "{", "}", depth)
    if isinstance(value, list | tuple):
        try:
            items = [*map(encode_basestring, value)]  # lines of text, as in every cell
        except TypeError:
            items = [canonical(item, depth + 1) for item in value]
        return _wrapped(items, "[", "]", depth)
    return json.dumps(value, allow_nan=False)


def _wrapped(items: list[str], opening: str, closing: str, depth: int) -> str:
    if not items:
        return opening + closing
    margin = "\n" + " " * (depth + 1)
    return f"{opening}{margin}{(',' + margin).join(items)}{margin[:-1]}{closing}"
