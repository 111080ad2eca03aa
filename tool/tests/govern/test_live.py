"""The front door: which engine answers a key, from the state alone."""

from __future__ import annotations

import pytest

from tool.errors import FtcError
from tool.govern.live import engine_for, slot_of
from tool.govern.store import STATE
from tool.tests.govern.workbench import LIVE, NEXT, Workbench


def test_production_answers_until_a_canary_runs(bench: Workbench) -> None:
    """Without a canary everybody meets production; with one, its share of the keys meets it, and only by key."""
    assert engine_for(bench.root) == engine_for(bench.root, "anybody") == (LIVE, "production")
    bench.step("promote", NEXT, "--to", "staging")
    bench.step("promote", NEXT, "--to", "canary")
    met = [key for key in map(str, range(2000)) if engine_for(bench.root, key) == (NEXT, "canary")]
    assert 5 <= len(met) <= 40
    assert engine_for(bench.root) == (LIVE, "production")
    assert (slot_of(bench.root, NEXT), slot_of(bench.root, LIVE), slot_of(bench.root, "x")) == (
        "canary",
        "production",
        None,
    )


def test_no_history_is_no_engine(bench: Workbench) -> None:
    """A repository whose first engine is still to come has none; a state that is lost or unreadable is an error."""
    content = bench.read(STATE)
    bench.write(STATE, content + b"\n")
    with pytest.raises(FtcError, match="canonical"):
        engine_for(bench.root)
    (bench.root / STATE).unlink()
    with pytest.raises(FtcError, match="there are events, but no state"):
        engine_for(bench.root)
    bench.git("rm", "-rq", "--cached", "registry/engines/events")
    for path in (bench.root / "registry/engines/events").iterdir():
        path.unlink()
    assert engine_for(bench.root) == (None, None)
