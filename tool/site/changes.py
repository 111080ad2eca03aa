"""The change log: what each release moved in the catalogue, and what engines that are not live yet would move.

Settings, the spread of published choices that an engine tells beside them, and what its learned strategies would choose
where the evidence does not favour them (then laws and published medians decide, and releases move few settings). Both
sides of a step are computed now, by this tool, from the immutable engines in registry/engines; so the log is a
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
from tool.recommend.knowledge import read_state
from tool.recommend.question import ask
from tool.recommend.served import open_served
from tool.recommend.strategy import Engine
from tool.rounding import significant
from tool.schema.recommendation import Recommendation, RecommendRequest
from tool.schema.state import Event, State
from tool.site.chunk import chunk
from tool.site.governance import read_events, releases
from tool.site.listed import Listed

NOTHING = "laws and published medians alone"
WAITING = ("candidate", "staging")
"""Stages of an engine that may go live, and answers nobody yet."""


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
    """What there is to compare, newest first: engines that wait, the canary, then each release, each beside production
    or the release before.
    """
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
    return [*_waiting(events, state), *found[::-1]]


def _waiting(events: list[Event], state: State | None) -> list[dict[str, Any]]:
    """Engines that wait for their canary, the newest first, each since its last step."""
    if state is None:
        return []
    since = {event.version: event.at for event in events}
    waiting = sorted((version for version, stage in state.stages.items() if stage in WAITING), reverse=True)
    step = {"kind": "waiting", "from": state.production}
    return [{**step, "to": name, "stage": state.stages[name], "at": since.get(name)} for name in waiting]


def changes_file(repo: Repo, knowledge: Knowledge, listed: list[Listed]) -> dict[str, bytes]:
    """`data/changes.js`: each step with the subjects that it moves, and old and new value of each field."""
    asked = subjects(listed)
    sides: dict[str | None, Side] = {}
    log = []
    for step in steps(repo):
        for version in (step["from"], step["to"]):
            if version not in sides:
                sides[version] = _side(
                    repo, replace(knowledge, engine=_engine(repo, knowledge, version), slot=None), asked
                )
        before, after = sides[step["from"]], sides[step["to"]]
        moved = {
            "moves": _moves(asked, before.answers, after.answers),
            "learned": {name: _moves(asked, after.answers, other) for name, other in after.learned.items()},
            "spread": _spread(before.intervals, after.intervals),
        }
        log.append({**step, "from": step["from"] or NOTHING, **moved, **_character(before.answers, after.answers)})
    return chunk("changes", {"steps": log, "subjects": len(asked)})


Intervals = dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Side:
    """What an engine says of every subject: its answers, those of its learned strategies, and published choices."""

    answers: list[Recommendation]
    learned: dict[str, list[Recommendation]]
    intervals: list[Intervals]


def _side(repo: Repo, known: Knowledge, asked: list[Subject]) -> Side:
    def answers(strategy: str) -> list[Recommendation]:
        requests = (subject.request().model_copy(update={"strategy": strategy}) for subject in asked)
        return [recommend(repo, request, known) for request in requests]

    engine = known.engine
    if engine is None:
        return Side(answers("auto"), {}, [{} for _ in asked])
    learned = [name for name in engine.strategies() if name != "deterministic"]
    intervals = [engine.peers(ask(repo, subject.request()), subject.adapter)[0] for subject in asked]
    return Side(answers("auto"), {name: answers(name) for name in learned}, intervals)


def _moves(asked: list[Subject], before: list[Recommendation], after: list[Recommendation]) -> list[list[Any]]:
    """The subjects that move: their names, and field → [before, after]."""
    pairs = zip(asked, before, after, strict=True)
    return [[*_names(subject), moved] for subject, old, new in pairs if (moved := moved_fields(old, new))]


def _spread(before: list[Intervals], after: list[Intervals]) -> list[list[Any]]:
    """[field, old interval, new interval, subjects] of the intervals that differ, by field, the most frequent first."""
    found: Counter[tuple[str, tuple[float, float], tuple[float, float]]] = Counter()
    for old, new in zip(before, after, strict=True):
        found.update((name, old[name], new[name]) for name in old.keys() & new.keys() if old[name] != new[name])
    ordered = sorted(found.items(), key=lambda item: (item[0][0], -item[1], item[0]))
    return [[name, *(list(map(significant, side)) for side in sides), count] for (name, *sides), count in ordered]


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
