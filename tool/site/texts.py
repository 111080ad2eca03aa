"""Texts of many answers, which repeat each other, as few lines and the order in which each text takes them.

Configurations repeat the lines of their neighbours. Scripts repeat the templates of the notebooks as well, so a stretch
of those is named by its place there.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from tool.render.templates import FOLDER
from tool.site.chunk import chunk

_REPLACED = re.compile(r"\{[{%#]")
"""What Jinja puts something else for."""
Item = str | tuple[int, int]
"""A line, or a stretch of the templates: (number of its first line, how many)."""
T = TypeVar("T", bound=Hashable)


class Rows(Generic[T]):
    """Values in order, the same one several times where that keeps stretches together."""

    def __init__(self, values: Iterable[T] = ()) -> None:
        self.values: list[T] = []
        self._places: dict[T, list[int]] = {}
        self.extend(values)

    def extend(self, values: Iterable[T]) -> None:
        for value in values:
            self._places.setdefault(value, []).append(len(self.values))
            self.values.append(value)

    def after(self, value: T, place: int) -> int | None:
        """The next number of a value after a place, else its first one; None for a value that is not there."""
        if place + 1 < len(self.values) and self.values[place + 1] == value:  # a stretch goes on, as most do
            return place + 1
        places = self._places.get(value)
        if places is None:
            return None
        found = bisect(places, place)
        return places[found if found < len(places) else 0]


@dataclass(frozen=True)
class Shared:
    """The lines of the templates that stand in a script as they are, and the digest of all templates."""

    rows: Rows[str]
    digest: str

    @staticmethod
    def read() -> Shared:
        """From the templates, in the order of their names."""
        texts = {path.relative_to(FOLDER).as_posix(): path.read_text("utf-8") for path in FOLDER.rglob("*.j2")}
        ordered = sorted(texts.items())
        lines = (line for _, text in ordered for line in text.split("\n") if not _REPLACED.search(line))
        return Shared(Rows(lines), hashlib.sha256(repr(ordered).encode()).hexdigest())

    def items(self, text: str) -> list[Item]:
        """A text as stretches of the templates, as long as they go on, and lines of its own."""
        found: list[Item] = []
        place = -1
        for line in text.split("\n"):
            number = self.rows.after(line, place)
            last = found[-1] if found else ""
            if number is None:
                found.append(line)
            elif isinstance(last, tuple) and sum(last) == number:
                found[-1] = (last[0], last[1] + 1)
            else:
                found.append((number, 1))
            place = place if number is None else number
        return found

    def file(self) -> dict[str, bytes]:
        """`data/scripts.js`: what the scripts of all models refer to."""
        return chunk("scripts", {"lines": self.rows.values})


def texts_file(name: str, entries: Mapping[str, Mapping[str, Sequence[Item]]], **more: Any) -> dict[str, bytes]:
    """Texts by entry and export: all items, and each text as stretches of them: first, how many, first, how many …"""
    rows: Rows[Item] = Rows()
    begun: set[str] = set()
    runs: dict[str, dict[str, list[int]]] = {}
    for tail, texts in entries.items():
        for export, items in texts.items():
            if export not in begun:  # the first of its kind stands there as a whole, for the others to follow
                begun.add(export)
                runs.setdefault(tail, {})[export] = [len(rows.values), len(items)]
                rows.extend(items)
            else:
                runs.setdefault(tail, {})[export] = _runs(rows, items)
    return chunk(name, {"entries": runs, "items": rows.values, **more})


def _runs(rows: Rows[Item], items: Sequence[Item]) -> list[int]:
    """The stretches of the rows that give the items; rows that were missing are added."""
    found: list[int] = []
    place = -1
    for item in items:
        known = rows.after(item, place)
        number = len(rows.values) if known is None else known
        if known is None:
            rows.extend([item])
        else:
            place = known
        if found and found[-2] + found[-1] == number:
            found[-1] += 1
        else:
            found += [number, 1]
    return found
