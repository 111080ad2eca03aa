"""Data as scripts: `ftc.receive(name, data)`, since a page opened from a disk may load scripts, but not fetch files."""

from __future__ import annotations

import json
from collections.abc import Hashable
from typing import Any, Generic, TypeVar

FOLDER = "generated/site/"

T = TypeVar("T", bound=Hashable)


def chunk(name: str, data: Any) -> dict[str, bytes]:
    """One file of data, compact and canonical: sorted keys, no spaces."""
    text = json.dumps(data, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return {f"{FOLDER}data/{name}.js": f"ftc.receive({json.dumps(name)},{text});\n".encode()}


class Table(Generic[T]):
    """Distinct values in order of appearance, so that data name them by number."""

    def __init__(self) -> None:
        self._numbers: dict[T, int] = {}

    def number(self, value: T) -> int:
        return self._numbers.setdefault(value, len(self._numbers))

    def values(self) -> list[T]:
        return list(self._numbers)
