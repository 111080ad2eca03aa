"""Runs of a store → the two streams of one step of a canary, in order of time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

from tool.policy.digests import canonical_json, sha256
from tool.schema.state import State, parse_time
from tool.telemetry.runs import Ledger
from tool.telemetry.store import Store

SILENT = "cancelled"
"""A person stopped the run: that says nothing of the answer."""


@dataclass(frozen=True)
class Seen:
    """One run that counts. `kept` is final / first loss of a success, `confidence` that of the answer it ran."""

    at: float
    run_id: str
    outcome: str
    kind: tuple[str, str]
    kept: float | None
    confidence: float | None


@dataclass(frozen=True)
class Streams:
    """Both slots' runs since the canary's present fraction began."""

    canary: tuple[Seen, ...]
    production: tuple[Seen, ...]

    def digest(self) -> str:
        """What was counted, as one digest."""
        sides = [[[run.run_id, run.outcome, run.kept, run.confidence] for run in side] for side in self.sides()]
        return sha256(canonical_json(sides))

    def sides(self) -> tuple[tuple[Seen, ...], tuple[Seen, ...]]:
        return self.canary, self.production


def read_streams(store: Store, ledger: Ledger, state: State, now: datetime) -> Streams:
    """Runs of the canary and of production, each answered from its slot, from the step's beginning until now."""
    assert state.canary is not None
    wanted = {(state.canary.version, "canary"): 0, (state.production, "production"): 1}
    since, until = parse_time(state.canary.since).timestamp(), now.timestamp()
    sides: tuple[list[Seen], list[Seen]] = ([], [])
    confidences = _confidences(store)
    for run in ledger.runs():
        place = wanted.get((run.engine or "", run.slot or ""))
        if place is None or not since <= run.at <= until or run.outcome == SILENT:
            continue
        kept = None
        if run.outcome == "success" and run.final_loss is not None and run.first_loss:
            kept = run.final_loss / run.first_loss
        kind = (str(ledger.model_of(run)), str(ledger.request(run.request_id).get("task")))
        confidence = confidences.get((run.engine, run.slot, run.request_id))
        sides[place].append(Seen(run.at, run.run_id, run.outcome, kind, kept, confidence))
    first, second = (tuple(sorted(side, key=lambda run: (run.at, run.run_id))) for side in sides)
    return Streams(first, second)


def _confidences(store: Store) -> dict[tuple[Any, ...], float]:
    """Engine, slot and request → median confidence of the answers that were logged for it."""
    found: dict[tuple[Any, ...], list[float]] = defaultdict(list)
    query = "SELECT engine, slot, request_id, confidence FROM events WHERE kind = 'recommendation'"
    for engine, slot, request_id, confidence in store.rows(query):
        found[engine, slot, request_id].append(confidence)
    return {key: median(values) for key, values in found.items()}


def losses(streams: Streams) -> list[float]:
    """1 where the canary's run kept more of its loss than the production run beside it, 0 where less; no ties.

    Runs of the same model and task are paired in order of time, so that no hard model counts against a slot. A pair is
    known once both have ended, and later runs change no earlier pair.
    """
    beside = _by_kind(streams.production)
    pairs: list[tuple[float, str, float]] = []
    for kind, mine in _by_kind(streams.canary).items():
        for run, other in zip(mine, beside.get(kind, []), strict=False):
            if run.kept != other.kept:
                pairs.append((max(run.at, other.at), run.run_id, float((run.kept or 0.0) > (other.kept or 0.0))))
    return [value for _, _, value in sorted(pairs)]


def _by_kind(runs: Iterable[Seen]) -> dict[tuple[str, str], list[Seen]]:
    """Runs that told their losses by model and task, in order of time."""
    found: dict[tuple[str, str], list[Seen]] = defaultdict(list)
    for run in runs:
        if run.kept is not None:
            found[run.kind].append(run)
    return found
