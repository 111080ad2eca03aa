"""Answers of the catalogue, one file for each model and task, one of their configurations, and one of their scripts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tool.export.files import SCRIPTS
from tool.memo import Memo, remembered
from tool.schema.recommendation import Reason, Recommendation
from tool.site.chunk import Table, chunk
from tool.site.links import pieces
from tool.site.listed import Listed
from tool.site.texts import Item, Shared, texts_file

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
"""An answer → its configuration or script for every framework that can train it, by the name of the export."""


def answer_files(listed: list[Listed], texts: Texts, shared: Shared, memo: Memo | None = None) -> dict[str, bytes]:
    """`data/answers/<model>/<task>.js`, `data/exports/…` and `data/scripts/…`, for all that fits somewhere."""
    groups: dict[str, list[Listed]] = {}
    for item in listed:
        if item.fits:
            groups.setdefault(f"{item.row['model']}/{item.row['task']}", []).append(item)
    files: dict[str, bytes] = {}
    for name, items in groups.items():
        reasons = Reasons()
        entries = {item.tail: plain(item.answer, reasons) for item in items}
        files |= chunk(f"answers/{name}", {"entries": entries, **reasons.document()})
        exports = {item.tail: _exports(item, texts, shared, memo) for item in items}
        files |= _text_files(name, exports)
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


def _text_files(name: str, exports: dict[str, dict[str, list[Item]]]) -> dict[str, bytes]:
    """`data/exports/<name>.js` with the configurations, and `data/scripts/…`, loaded when asked for."""
    configurations = {tail: {key: those[key] for key in those if key not in SCRIPTS} for tail, those in exports.items()}
    scripts = {tail: {key: those[key] for key in those if key in SCRIPTS} for tail, those in exports.items()}
    offered = {tail: sorted(those) for tail, those in scripts.items()}
    files = texts_file(f"exports/{name}", configurations, scripts=offered)
    return files | (texts_file(f"scripts/{name}", scripts) if any(offered.values()) else {})


def _exports(item: Listed, texts: Texts, shared: Shared, memo: Memo | None) -> dict[str, list[Item]]:
    """What `ftc recommend --export` prints for an answer, by the name of the export."""

    def made() -> dict[str, list[Item]]:
        found = texts(item.answer)
        return {name: shared.items(text) if name in SCRIPTS else [*text.split("\n")] for name, text in found.items()}

    given = [item.answer.model_dump(mode="json"), shared.digest]
    found = remembered(memo, f"site/exports/{item.slug}", made, given)
    return {name: [line if isinstance(line, str) else tuple(line) for line in those] for name, those in found.items()}
