"""What `ftc recommend --export` prints for each answer, made by several processes where many are new."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import chain
from typing import Any

from tool.export.files import SCRIPTS
from tool.load import Repo
from tool.memo import Known, Memo
from tool.schema.recommendation import Recommendation
from tool.site.listed import Listed
from tool.site.texts import Item, Shared
from tool.work import shares_memory, spread

Texts = Callable[[Recommendation], dict[str, str]]
"""An answer → its configuration or script for every framework that can train it, by the name of the export."""
Exports = dict[str, list[Item]]
"""Texts by the name of the export, as lines and stretches of the templates."""
CHUNK = 16
"""Answers that one process exports at a time."""


def exports_of(
    repo: Repo, listed: list[Listed], texts: Texts, shared: Shared, jobs: int, backend: str, memo: Memo | None
) -> Callable[[Listed], Exports]:
    """The exports of these answers, by answer; those that nothing changed for come from `memo`."""
    found: dict[str, Exports] = {}
    for item in listed:
        known = memo.find(_name(item), _given(item, shared)) if memo is not None else None
        if known is not None:
            found[item.slug] = _as_made(known.value)
    todo = [item for item in listed if item.slug not in found]
    chunks = [todo[start : start + CHUNK] for start in range(0, len(todo), CHUNK)]
    work = partial(_made, repo, texts, shared)
    results = spread(work, chunks, jobs) if shares_memory(jobs, backend) else map(work, chunks)
    for item, (exports, used) in zip(todo, chain.from_iterable(results), strict=True):
        found[item.slug] = exports
        if memo is not None:
            memo.keep(_name(item), Known(exports), used, _given(item, shared))

    def exports_for(item: Listed) -> Exports:
        if memo is not None:
            memo.find(_name(item), _given(item, shared))  # whoever is recorded now depends on what these depend on
        return found[item.slug]

    return exports_for


def _made(repo: Repo, texts: Texts, shared: Shared, chunk: list[Listed]) -> list[tuple[Exports, set[str]]]:
    """The exports of some answers, each with the records that were used for it."""
    made = []
    for item in chunk:
        with repo.recording() as used:
            found = texts(item.answer)
        exports: Exports = {
            name: shared.items(text) if name in SCRIPTS else [*text.split("\n")] for name, text in found.items()
        }
        made.append((exports, used))
    return made


def _as_made(value: Any) -> Exports:
    """Exports from plain data, in which a stretch is a list."""
    return {
        name: [line if isinstance(line, str) else (line[0], line[1]) for line in those] for name, those in value.items()
    }


def _name(item: Listed) -> str:
    return f"site/exports/{item.slug}"


def _given(item: Listed, shared: Shared) -> list[str]:
    return [item.digest, shared.digest]
