"""Texts of many answers, which repeat each other, as few lines and the order in which each text takes them.

Configurations repeat the lines of their neighbours. Scripts repeat the templates of the notebooks as well, so a stretch
of those is named by its place there.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tool.render.templates import FOLDER
from tool.site.chunk import chunk

_REPLACED = re.compile(r"\{[{%#]")
"""What Jinja puts something else for."""
STRETCH = "\0"
"""Begins an item that is a stretch of the templates, first line and how many: a character that no text has."""


class Rows:
    """Lines in order, the same one several times where that keeps stretches together."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self.values: list[str] = []
        self._places: dict[str, list[int]] = {}
        self.extend(values)

    def extend(self, values: Iterable[str]) -> None:
        for value in values:
            self._places.setdefault(value, []).append(len(self.values))
            self.values.append(value)

    def after(self, value: str, place: int) -> int | None:
        """The next number of a value after a place, else its first one; None for a value that is not there."""
        places = self._places.get(value)
        if places is None:
            return None
        found = bisect(places, place)
        return places[found if found < len(places) else 0]

    def stretches(self, wanted: Sequence[str], grow: bool) -> Iterator[tuple[int | None, int]]:
        """The wanted values as (number of the first, how many), each as long as the values go on here.

        What is not here is added where the rows may grow, else told as (None, how many).
        """
        values, place, start = self.values, -1, 0
        while start < len(wanted):
            known = self.after(wanted[start], place)
            end = start + 1
            if known is not None:
                while end < len(wanted) and known + end - start < len(values):
                    if values[known + end - start] != wanted[end]:
                        break
                    end += 1
                place = known + end - start - 1
            elif grow:
                known = len(values)
                self.extend([wanted[start]])
            yield known, end - start
            start = end


@dataclass(frozen=True)
class Shared:
    """The lines of the templates that stand in a script as they are, and the digest of all templates."""

    rows: Rows
    digest: str

    @staticmethod
    def read() -> Shared:
        """From the templates, in the order of their names."""
        texts = {path.relative_to(FOLDER).as_posix(): path.read_text("utf-8") for path in FOLDER.rglob("*.j2")}
        ordered = sorted(texts.items())
        lines = (line for _, text in ordered for line in text.split("\n") if not _REPLACED.search(line))
        return Shared(Rows(lines), hashlib.sha256(repr(ordered).encode()).hexdigest())

    def items(self, text: str) -> list[str]:
        """A text as stretches of the templates, as long as they go on, and lines of its own."""
        lines, found, start = text.split("\n"), [], 0
        for number, count in self.rows.stretches(lines, grow=False):
            found.append(lines[start] if number is None else f"{STRETCH}{number},{count}")
            start += count
        return found

    def file(self) -> dict[str, bytes]:
        """`data/scripts.js`: what the scripts of all models refer to."""
        return chunk("scripts", {"lines": self.rows.values})


def texts_file(name: str, entries: Mapping[str, Mapping[str, Sequence[str]]], **more: Any) -> dict[str, bytes]:
    """Texts by entry and export: all items, and each text as stretches of them: first, how many, first, how many …"""
    rows = Rows()
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
    return chunk(name, {"entries": runs, "items": [*map(_told, rows.values)], **more})


def _runs(rows: Rows, items: Sequence[str]) -> list[int]:
    """The stretches of the rows that give the items; rows that were missing are added."""
    found: list[int] = []
    for number, count in rows.stretches(items, grow=True):
        if found and found[-2] + found[-1] == number:
            found[-1] += count
        elif number is not None:
            found += [number, count]
    return found


def _told(item: str) -> str | list[int]:
    """An item as the page reads it."""
    return [int(number) for number in item[1:].split(",")] if item.startswith(STRETCH) else item
