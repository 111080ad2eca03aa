"""Answers of the catalogue as plain data, so that what nothing changed for is read and not made again."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tool.generate.entries import Entry
from tool.generate.inputs import rules_digest
from tool.generate.provenance import Digests
from tool.load import Repo
from tool.memo import Memo
from tool.recommend import Knowledge
from tool.recommend.knowledge import fresh_knowledge
from tool.schema.priors import Priors
from tool.schema.recommendation import Recommendation

if TYPE_CHECKING:
    from tool.generate.plan import Answered

FOLDER = ".cache/generate"


def memo_of(repo: Repo, folder: Path | None = None) -> Memo:
    """What earlier runs made of this repository; below .cache/ of its root unless told otherwise."""
    from tool.render.templates import FOLDER as TEMPLATES

    return Memo(repo, folder or repo.root / FOLDER, rules_digest(repo.root, Digests(repo.root)), TEMPLATES)


def recalled_knowledge(repo: Repo, memo: Memo | None) -> Knowledge:
    """What was learned from the recipes on disk; with a memo computed only when one of them changed."""
    value = memo.find("priors") if memo is not None else None
    knowledge = fresh_knowledge(repo, None if value is None else Priors.model_validate(value))
    if memo is not None and value is None and knowledge.priors is not None:
        memo.keep("priors", knowledge.priors.model_dump(mode="json"), ())
    return knowledge


def recalled(memo: Memo, slot: str, todo: Iterable[Entry]) -> dict[Entry, Answered]:
    """The entries that can be answered from memory. `slot`: production, or the version on trial."""
    found = {}
    for entry in todo:
        value = memo.find(_name(slot, entry))
        if value is not None:
            found[entry] = _answered(entry, value)
    return found


def remember(memo: Memo, slot: str, item: Answered) -> None:
    """Keep an answer with the files that it was made from."""
    value = {
        "recommendation": item.recommendation.model_dump(mode="json"),
        "files": {path: content.decode() for path, content in item.files.items()},
        "fits": item.fits,
        "hours": item.hours,
    }
    memo.keep(_name(slot, item.entry), value, item.inputs)


def _name(slot: str, entry: Entry) -> str:
    return f"{slot}/{entry.slug}"


def _answered(entry: Entry, value: dict[str, Any]) -> Answered:
    from tool.generate.plan import Answered

    files = {path: text.encode() for path, text in value["files"].items()}
    answer = Recommendation.model_validate(value["recommendation"])
    return Answered(entry, answer, files, value["fits"], value["hours"])
