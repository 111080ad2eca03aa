"""Answers of the catalogue, one file for each model and task, one of their configurations, and one of their scripts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tool.export.files import SCRIPTS
from tool.schema.recommendation import Reason, Recommendation
from tool.site.chunk import Table, chunk
from tool.site.links import pieces
from tool.site.listed import Exports, Listed
from tool.site.texts import texts_file

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


def answer_files(listed: list[Listed], exports: Callable[[Listed], Exports]) -> dict[str, bytes]:
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
        files |= _text_files(name, {item.tail: exports(item) for item in items})
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


def _text_files(name: str, exports: dict[str, Exports]) -> dict[str, bytes]:
    """`data/exports/<name>.js` with the configurations, and `data/scripts/…`, loaded when asked for."""
    configurations = {tail: {key: those[key] for key in those if key not in SCRIPTS} for tail, those in exports.items()}
    scripts = {tail: {key: those[key] for key in those if key in SCRIPTS} for tail, those in exports.items()}
    offered = {tail: sorted(those) for tail, those in scripts.items()}
    files = texts_file(f"exports/{name}", configurations, scripts=offered)
    return files | (texts_file(f"scripts/{name}", scripts) if any(offered.values()) else {})
