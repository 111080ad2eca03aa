"""Which engine answers: read from the state alone, in a few milliseconds, for the recommender's front door."""

from __future__ import annotations

from pathlib import Path

from tool.errors import FtcError
from tool.govern.finding import Finding
from tool.govern.routing import slot
from tool.govern.store import STATE, parse_canonical
from tool.schema.state import State


def read_state(root: Path) -> State | None:
    """The state; None where no engine was ever live. Raises FtcError when it is unreadable: that is no empty state."""
    path = root / STATE
    if path.is_symlink():
        raise FtcError(f"{STATE}: is a symbolic link (commit the file itself)")
    if not path.exists():
        if any((path.parent / "events").glob("*.yaml")):
            raise FtcError(f"{STATE}: there are events, but no state (restore it from the main branch)")
        return None
    state = parse_canonical(STATE, path.read_bytes(), State)
    if isinstance(state, Finding):
        raise FtcError(f"{STATE}: {state.message} ({state.remedy})")
    return state


def engine_for(root: Path, key: str | None = None) -> tuple[str | None, str | None]:
    """(version, slot) of the engine that answers a key; without a key, production. (None, None): no engine is live.

    Raises FtcError when the state is unreadable.
    """
    state = read_state(root)
    if state is None or state.production is None:
        return None, None
    chosen = slot(key, state.canary) if key is not None else "production"
    if chosen == "canary" and state.canary is not None:
        return state.canary.version, "canary"
    return state.production, "production"


def slot_of(root: Path, version: str) -> str | None:
    """The slot that a version fills now, for an answer that names its engine. None: it fills none."""
    state = read_state(root)
    stage = state.stage(version) if state is not None else None
    return stage if stage in ("production", "canary") else None
