"""Answers of the catalogue as plain data, so that what nothing changed for is read and not made again."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tool.errors import Fault, InputFaults
from tool.generate.answered import Answered
from tool.generate.entries import Entry
from tool.generate.inputs import rules_digest
from tool.generate.provenance import Digests
from tool.load import Repo
from tool.memo import Known, Memo
from tool.recommend import Knowledge
from tool.recommend.knowledge import fresh_knowledge
from tool.schema.priors import Priors
from tool.schema.recommendation import Recommendation

FOLDER = ".cache/generate"
FIELDS = ("fits", "hours", "digest")
"""Of an answered entry, what is kept beside its recommendation and its files."""


def memo_of(repo: Repo, folder: Path | None = None) -> Memo:
    """What earlier runs made of this repository; below .cache/ of its root unless told otherwise."""
    from tool.render.templates import FOLDER as TEMPLATES

    return Memo(repo, folder or repo.root / FOLDER, rules_digest(repo.root, Digests(repo.root)), TEMPLATES)


def validated(memo: Memo) -> None:
    """`tool.load.load`, less what was read without a fault before and has not changed since.

    Raises InputFaults with all faults of all files: what is not read again had none.
    """
    faults: list[Fault] = []
    for records in memo.repo.all_records:
        name = f"validated/{records.folder}"
        if memo.find(name) is None:
            found = records.load_all()
            if not found:
                memo.keep(name, Known(), {f"{records.folder}/", *map(records.path, records.ids())})
            faults += found
    if faults:
        raise InputFaults(faults)


def recalled_knowledge(repo: Repo, memo: Memo | None) -> Knowledge:
    """What was learned from the recipes on disk; with a memo computed only when one of them changed."""
    known = memo.find("priors") if memo is not None else None
    knowledge = fresh_knowledge(repo, None if known is None else Priors.model_validate(known.value))
    if memo is not None and known is None and knowledge.priors is not None:
        memo.keep("priors", Known(knowledge.priors.model_dump(mode="json")), ())
    return knowledge


def recalled(memo: Memo, slot: str, todo: Iterable[Entry]) -> dict[Entry, Answered]:
    """The entries that can be answered from memory. `slot`: production, or the version on trial."""
    found = {}
    for entry in todo:
        known = memo.find(_name(slot, entry))
        if known is not None:
            answer = Recommendation.model_validate(known.value["recommendation"])
            fits, hours, digest = (known.value[name] for name in FIELDS)
            found[entry] = Answered(entry, answer, known.files, fits, hours, digest)
    return found


def remember(memo: Memo, slot: str, item: Answered) -> None:
    """Keep an answer with the files that it was made from."""
    value = {"recommendation": item.recommendation.model_dump(mode="json")}
    value |= {name: getattr(item, name) for name in FIELDS}
    memo.keep(_name(slot, item.entry), Known(value, item.files), item.inputs)


def _name(slot: str, entry: Entry) -> str:
    return f"{slot}/{entry.slug}"
