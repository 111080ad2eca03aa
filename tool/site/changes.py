"""The change log: which hyperparameters of the catalogue each release moved, and what the canary would move.

Both sides of a step are computed now, by this tool, from the immutable engines in registry/engines; so the log is a
function of the tree, and reads no history of git. Memory and micro-batch follow from a card, and are left out here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

from tool.load import Repo
from tool.recommend import Knowledge, recommend
from tool.recommend.served import open_served
from tool.recommend.strategy import Engine
from tool.rounding import significant
from tool.schema.recommendation import Recommendation, RecommendRequest
from tool.site.chunk import chunk
from tool.site.governance import read_events, read_state, releases
from tool.site.listed import Listed

NOTHING = "laws and published medians alone"


@dataclass(frozen=True, order=True)
class Subject:
    """What a hyperparameter depends on when no card is named."""

    model: str
    task: str
    objective: str
    adapter: str

    def request(self) -> RecommendRequest:
        return RecommendRequest(model=self.model, task=self.task, objective=self.objective, adapter=self.adapter)


def subjects(listed: Iterable[Listed]) -> list[Subject]:
    """The catalogue without its places, each subject once."""
    rows = (item.row for item in listed)
    return sorted({Subject(row["model"], row["task"], row["objective"], row["adapter"]) for row in rows})


def steps(repo: Repo) -> list[dict[str, Any]]:
    """What there is to compare, newest first: the canary beside production, then each release beside the one before."""
    events, state = read_events(repo.root), read_state(repo.root)
    live = releases(events)
    before: list[str | None] = [None, *(version for version, _ in live)]
    found: list[dict[str, Any]] = [
        {"kind": "release", "from": old, "to": new, "at": at} for old, (new, at) in zip(before, live, strict=False)
    ]
    if state is not None and state.canary is not None:
        canary = state.canary
        step = {"kind": "canary", "from": state.production, "to": canary.version, "at": canary.since}
        found.append({**step, "fraction": canary.fraction})
    return found[::-1]


def changes_file(repo: Repo, knowledge: Knowledge, listed: list[Listed]) -> dict[str, bytes]:
    """`data/changes.js`: each step with the subjects that it moves, and old and new value of each field."""
    asked = subjects(listed)
    answers: dict[str | None, list[Recommendation]] = {}

    def under(version: str | None) -> list[Recommendation]:
        if version not in answers:
            known = replace(knowledge, engine=_engine(repo, knowledge, version), slot=None)
            answers[version] = [recommend(repo, subject.request(), known) for subject in asked]
        return answers[version]

    log = []
    for step in steps(repo):
        before, after = under(step["from"]), under(step["to"])
        pairs = zip(asked, before, after, strict=True)
        moves = [[*_names(subject), moved] for subject, old, new in pairs if (moved := moved_fields(old, new))]
        log.append({**step, "from": step["from"] or NOTHING, "moves": moves, **_character(before, after)})
    return chunk("changes", {"steps": log, "subjects": len(asked)})


def _engine(repo: Repo, knowledge: Knowledge, version: str | None) -> Engine | None:
    """The engine of a version: the one at hand where it is that one. Raises FtcError for one that was tampered with."""
    if version is None or (knowledge.engine is not None and knowledge.engine.version == version):
        return knowledge.engine if version else None
    return open_served(repo.root, version)


def _character(before: list[Recommendation], after: list[Recommendation]) -> dict[str, Any]:
    """How sure the answers are in the median, before and after, and by which strategies they are decided."""
    sure = [significant(median(answer.confidence for answer in side)) for side in (before, after) if side]
    return {"confidence": sure, "strategies": dict(sorted(Counter(answer.strategy for answer in after).items()))}


def _names(subject: Subject) -> list[str]:
    return [subject.model, subject.task, subject.objective, subject.adapter]


def moved_fields(old: Recommendation, new: Recommendation) -> dict[str, list[Any]]:
    """Field → [before, after] for the settings that differ. Confidence is no setting."""
    before = {**old.config, "effective_batch_size": old.effective_batch_size}
    after = {**new.config, "effective_batch_size": new.effective_batch_size}
    names = sorted(before.keys() | after.keys())
    return {name: [before.get(name), after.get(name)] for name in names if before.get(name) != after.get(name)}
