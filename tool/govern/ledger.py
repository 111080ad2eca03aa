"""The kernel: which moves exist, and what each does to the state. Policies may forbid more, never allow more."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tool.govern.finding import Finding
from tool.govern.routing import BUCKETS
from tool.policy.digests import sha256
from tool.schema.state import Canary, Event, Stage, State

MOVES: dict[tuple[str, str], str] = {
    ("none", "production"): "genesis",
    ("none", "none"): "genesis",
    ("candidate", "staging"): "stage",
    ("candidate", "rejected"): "reject",
    ("staging", "rejected"): "reject",
    ("staging", "canary"): "start",
    ("canary", "canary"): "resize",
    ("canary", "staging"): "abort",
    ("canary", "production"): "release",
    ("deprecated", "production"): "rollback",
}


@dataclass(frozen=True)
class Ledger:
    """The state after some events, with what of the history later moves depend on.

    `live` are the versions in the order in which they became production, `starts` counts the canaries so far.
    """

    state: State
    live: tuple[str, ...]
    starts: int
    at: str
    digest: str

    @property
    def last_live(self) -> str | None:
        """Where a rollback goes: the version that was live before the present one, held versions passed over."""
        for version in reversed(self.live):
            if self.state.stages.get(version) == "deprecated" and version not in self.state.holds:
                return version
        return None


def move_of(event: Event, state: State | None) -> str | None:
    """The kind of move that an event is; None for one that does not exist."""
    if event.to == "hold" and event.from_ not in ("hold", "none"):
        return "hold"
    if event.from_ == "hold" and event.to not in ("hold", "none"):
        return "unhold"
    move = MOVES.get((event.from_, event.to))
    if move == "resize" and state is not None and state.canary is not None and event.fraction is not None:
        return "raise" if event.fraction > state.canary.fraction else "lower"
    return move


def _illegal(event: Event, generation: int, why: str) -> Finding:
    step = f"{event.version} {event.from_} → {event.to}"
    return Finding("transition.illegal", f"event {generation}: {step}: {why}", "use a legal step; see `ftc status`")


def genesis_ledger(event: Event, raw: bytes) -> Ledger | Finding:
    """The ledger after event 0, which may name one production engine."""
    if move_of(event, None) != "genesis" or (event.version is None) != (event.to == "none"):
        return _illegal(event, 0, "the first event is the genesis: none → production with a version, or none → none")
    if event.expect_generation is not None or event.prev_digest is not None or event.fraction is not None:
        return _illegal(event, 0, "nothing comes before the first event")
    live = (event.version,) if event.version is not None else ()
    stages: dict[str, Stage] = dict.fromkeys(live, "production")
    state = State(generation=0, stages=stages, canary=None, holds=())
    return Ledger(state, live, 0, event.at, sha256(raw))


def _objection(ledger: Ledger, event: Event, move: str | None) -> str:
    """Why an event cannot be applied; empty if it can."""
    state, version = ledger.state, event.version
    if move is None or move == "genesis" or version is None:
        return "there is no such step"
    place = event.to if move == "unhold" else event.from_
    if state.stage(version) != place:
        return f"it is in {state.stage(version)}"
    if (event.fraction is None) == (move in ("start", "raise", "lower", "resize")):
        return "a canary needs a fraction, and nothing else has one"
    if event.fraction is not None and abs(event.fraction * BUCKETS - round(event.fraction * BUCKETS)) > 1e-9:
        return f"the fraction is no multiple of 1/{BUCKETS}"
    if move in ("raise", "lower", "resize") and state.canary is not None and event.fraction == state.canary.fraction:
        return "the fraction stays the same"
    if move == "start" and state.canary is not None:
        return f"{state.canary.version} is in canary already"
    if move == "rollback" and version != ledger.last_live:
        return f"the version last live is {ledger.last_live}"
    if move in ("hold", "unhold") and (version in state.holds) == (move == "hold"):
        return "it is held already" if move == "hold" else "it is not held"
    return ""


def apply(ledger: Ledger, event: Event, raw: bytes) -> Ledger | Finding:
    """The ledger after one more event, or why there is none."""
    generation = ledger.state.generation + 1
    move = move_of(event, ledger.state)
    objection = _objection(ledger, event, move)
    if objection or move is None or event.version is None:
        return _illegal(event, generation, objection)
    state = _effect(ledger, event, move, generation)
    live = (*ledger.live, event.version) if move in ("release", "rollback") else ledger.live
    starts = ledger.starts + (move == "start")
    return replace(ledger, state=state, live=live, starts=starts, at=event.at, digest=sha256(raw))


def _effect(ledger: Ledger, event: Event, move: str, generation: int) -> State:
    """The new state. Whatever enters production sends the present one to deprecated."""
    state, version = ledger.state, str(event.version)
    stages, canary, holds = dict(state.stages), state.canary, set(state.holds)
    if move == "hold":
        holds.add(version)
    elif move == "unhold":
        holds.discard(version)
    else:
        if event.to == "production" and state.production is not None:
            stages[state.production] = "deprecated"
        stages[version] = event.to  # type: ignore[assignment]
    if move == "start":
        salt = f"s{ledger.starts + 1}"
        canary = Canary(version=version, fraction=event.fraction or 0.0, salt=salt, since=event.at)
    elif move in ("raise", "lower") and canary is not None:
        canary = canary.model_copy(update={"fraction": event.fraction, "since": event.at})
    elif move in ("abort", "release"):
        canary = None
    ordered: dict[str, Stage] = dict(sorted(stages.items()))
    return State(generation=generation, stages=ordered, canary=canary, holds=tuple(sorted(holds)))
