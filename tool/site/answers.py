"""Answers of the catalogue, one file for each model and task, and their text for other frameworks, one more."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from tool.memo import Memo, remembered
from tool.schema.recommendation import Reason, Recommendation
from tool.site.chunk import Table, chunk
from tool.site.links import pieces
from tool.site.listed import Listed

LABELS = ("config", "confidence", "constrained_safe", "effective_batch_size", "engine", "estimated_hours")


class Reasons:
    """Reasons by number: (field, rule, source, observations). Their values stand in the configuration."""

    def __init__(self) -> None:
        self.rows: Table[tuple[str, str, int, int | None]] = Table()
        self.sources: Table[str] = Table()

    def numbers(self, reasons: Iterable[Reason]) -> list[int]:
        return [self.rows.number((r.field, r.rule, self.sources.number(r.source), r.n)) for r in reasons]

    def document(self) -> dict[str, Any]:
        return {"reasons": self.rows.values(), "sources": [pieces(source) for source in self.sources.values()]}


Texts = Callable[[Recommendation], dict[str, str]]
"""An answer → its configuration for every framework that can train it, by framework."""


def answer_files(listed: list[Listed], texts: Texts, memo: Memo | None = None) -> dict[str, bytes]:
    """`data/answers/<model>/<task>.js` and `data/exports/…`, for all of the catalogue that fits somewhere."""
    groups: dict[str, list[Listed]] = {}
    for item in listed:
        if item.fits:
            groups.setdefault(f"{item.row['model']}/{item.row['task']}", []).append(item)
    files: dict[str, bytes] = {}
    for name, items in groups.items():
        reasons = Reasons()
        entries = {item.tail: plain(item.answer, reasons) for item in items}
        files |= chunk(f"answers/{name}", {"entries": entries, **reasons.document()})
        files |= chunk(f"exports/{name}", _exports(items, texts, memo))
    return files


def plain(answer: Recommendation, reasons: Reasons) -> dict[str, Any]:
    """An answer as the page shows it."""
    data = answer.model_dump(mode="json")
    vram = data["vram"]
    return {
        **{name: data[name] for name in (*LABELS, "slot", "strategy", "warnings")},
        "stack": data["dependencies"]["stack"] if data["dependencies"] else None,
        "vram": {name: value for name, value in vram.items() if value not in (None, [])} if vram else None,
        "reasons": reasons.numbers(answer.reasons),
    }


def _exports(items: list[Listed], texts: Texts, memo: Memo | None) -> dict[str, Any]:
    """Texts as `ftc recommend --export` prints them, as numbers of lines that most of them share."""
    lines: Table[str] = Table()
    entries: dict[str, dict[str, list[int]]] = {}
    for item in items:
        given = item.answer.model_dump(mode="json")
        found = remembered(memo, f"site/exports/{item.slug}", partial(texts, item.answer), given)
        entries[item.tail] = {name: [lines.number(line) for line in text.split("\n")] for name, text in found.items()}
    return {"entries": entries, "lines": lines.values()}
