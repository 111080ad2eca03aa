"""What `ftc recommend --export` prints for each answer, made by several processes where many are new."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import chain

from tool.export.files import SCRIPTS
from tool.load import Repo
from tool.memo import Known, Memo
from tool.schema.recommendation import Recommendation
from tool.site.listed import Exports, Listed, Made
from tool.site.texts import Shared
from tool.work import shares_memory, spread

Texts = Callable[[Recommendation], dict[str, str]]
"""An answer → its configuration or script for every framework that can train it, by the name of the export."""
CHUNK = 16
"""Answers that one process exports at a time."""


def exports_of(
    repo: Repo, listed: list[Listed], texts: Texts, shared: Shared, jobs: int, backend: str, memo: Memo | None
) -> Callable[[Listed], Exports]:
    """The exports of these answers, by answer; those that nothing changed for come from `memo`."""
    found: dict[str, Exports] = {}
    for item in listed:
        known = memo.find(_name(item), _given(item, shared)) if memo is not None and item.exports is None else None
        if known is not None:
            found[item.slug] = {name: text.decode().split("\n") for name, text in known.files.items()}
    made = {item.slug: item.exports for item in listed if item.exports is not None}
    todo = [item for item in listed if item.slug not in found and item.slug not in made]
    chunks = [todo[start : start + CHUNK] for start in range(0, len(todo), CHUNK)]
    work = partial(_made, repo, texts, shared)
    results = spread(work, chunks, jobs) if shares_memory(jobs, backend) else map(work, chunks)
    made |= {item.slug: one for item, one in zip(todo, chain.from_iterable(results), strict=True)}
    for item in (item for item in listed if item.slug in made):
        found[item.slug], used = made[item.slug]
        if memo is not None:
            texts_kept = {name: "\n".join(lines).encode() for name, lines in found[item.slug].items()}
            memo.keep(_name(item), Known(files=texts_kept), used, _given(item, shared))

    def exports_for(item: Listed) -> Exports:
        if memo is not None:
            memo.find(_name(item), _given(item, shared))  # whoever is recorded now depends on what these depend on
        return found[item.slug]

    return exports_for


def exports_made(repo: Repo, texts: Texts, shared: Shared, answer: Recommendation) -> Made:
    """The exports of an answer."""
    with repo.recording() as used:
        found = texts(answer)
    exports: Exports = {
        name: shared.items(text) if name in SCRIPTS else [*text.split("\n")] for name, text in found.items()
    }
    return exports, used


def _made(repo: Repo, texts: Texts, shared: Shared, chunk: list[Listed]) -> list[Made]:
    return [exports_made(repo, texts, shared, item.answer) for item in chunk]


def _name(item: Listed) -> str:
    return f"site/exports/{item.slug}"


def _given(item: Listed, shared: Shared) -> list[str]:
    return [item.digest, shared.digest]
