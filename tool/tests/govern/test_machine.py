"""A random walk through the life of engines: nothing illegal becomes live, nothing is lost, replay gives the state."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tool.govern.canonical import canonical_yaml
from tool.govern.finding import Finding
from tool.govern.ledger import move_of
from tool.govern.replay import replay
from tool.govern.store import History
from tool.govern.transition import Grounds, Request, Step, fold, genesis, transition
from tool.govern.yardstick import Yardstick, yardstick
from tool.policy.files import read_policies
from tool.policy.variables import Change, Evidence, Health
from tool.schema.state import Event, State, parse_time
from tool.tests.govern.workbench import GATE_TESTS, ROOT

VERSIONS = ("a", "b", "c", "d")
STAGES = ("candidate", "staging", "canary", "production", "deprecated", "rejected", "hold", "unhold")
FRACTIONS = (0.0, 0.005, 0.01, 0.02, 0.05, 0.2, 0.5, 0.00005)
FULL = Change(events=1, policies=False, tool=False, evaluation=False, workflows=False, paths=[])


def rules() -> Yardstick:
    """The real rules, but for the gates."""
    files = {path: data for path, data in read_policies(ROOT).items() if not path.startswith("policies/gates/")}
    gate = (ROOT / "tool/tests/govern/gate.yaml").read_bytes()
    return yardstick({**files, "policies/gates/ece.yaml": gate, "policies/gates/tests/ece.yaml": GATE_TESTS.encode()})


YARD = rules()


def evidence(version: str, against: str | None, sound: bool) -> Evidence:
    """Evidence on an engine; unsound evidence has a failed hard gate."""
    same = dict.fromkeys(("engine_digest", "golden_digest", "ceilings_digest", "gates_digest"), "x")
    now = {f"{name}_now": value for name, value in same.items()}
    failed: list[str] = [] if sound else ["oom-safety/false-safe"]
    lists = {"soft_failures": [], "undecided": [], "unjudged": [], "waived": [], "hard_failures": failed}
    return Evidence(engine=version, against=against, verdict="pass", **same, **now, **lists)  # type: ignore[arg-type]


class Life(RuleBasedStateMachine):
    """Takes any step that anybody could ask for, and keeps a small model of what must be true."""

    def __init__(self) -> None:
        super().__init__()
        self.now = parse_time("2026-01-01T00:00:00Z")
        first = genesis("a", "maria", "start", YARD.policy_digest, self.now)
        self.state: State = first.state
        self.events: list[Event] = [first.event]
        self.live = ["a"]

    def ask(self, version: str, to: str, fraction: float | None, grounds: Grounds, actor: str = "maria") -> Step | None:
        """Ask for a step; keep it if it is legal, and check it against the model."""
        before = self.state
        request = Request(version, to, actor, "because", fraction)
        outcome = transition(self.state, self.events, request, grounds, YARD, self.now)
        if isinstance(outcome, list):
            assert outcome
            assert all(isinstance(finding, Finding) and finding.message for finding in outcome)
            return None
        self.state, self.events = outcome.state, [*self.events, outcome.event]
        if outcome.state.production != before.production:
            self._became_live(before, outcome, grounds, actor)
        return outcome

    def _became_live(self, before: State, step: Step, grounds: Grounds, actor: str) -> None:
        """What must be true when another engine is live."""
        version = step.event.version
        assert version is not None
        assert version not in before.holds
        assert not actor.endswith("[bot]")
        if step.move == "rollback":
            once_live = [v for v in self.live if v != before.production and v not in before.holds]
            assert once_live and version == once_live[-1]
        else:
            assert step.move == "release" and before.stage(version) == "canary"
            assert before.canary is not None and before.canary.fraction == 0.2
            assert self.now - parse_time(before.canary.since) >= timedelta(hours=48)
            assert grounds.evidence is not None and grounds.evidence.hard_failures == []
            assert grounds.health is not None and grounds.health.verdict == "healthy"
            assert before.production not in before.holds
        self.live.append(version)

    def grounds(self, version: str, sound: bool, verdict: str | None) -> Grounds:
        canary = self.state.canary
        health = Health(
            engine=version,
            engine_digest="x",
            engine_digest_now="x",
            production=self.state.production,
            generation=self.state.generation,
            fraction=canary.fraction if canary else None,
            verdict=verdict,
            age_hours=1.0,
            runs_production=100,
            runs_canary=100,
        )
        return Grounds("e" * 64, evidence(version, self.state.production, sound), health, FULL)

    @rule(
        version=st.sampled_from(VERSIONS),
        to=st.sampled_from(STAGES),
        fraction=st.none() | st.sampled_from(FRACTIONS),
        sound=st.booleans(),
        verdict=st.sampled_from(["healthy", "unhealthy", "inconclusive", None]),
        actor=st.sampled_from(["maria", "github-actions[bot]"]),
    )
    def anything(
        self, version: str, to: str, fraction: float | None, sound: bool, verdict: str | None, actor: str
    ) -> None:
        """Any wish at all."""
        self.ask(version, to, fraction, self.grounds(version, sound, verdict), actor)

    @rule(version=st.sampled_from(VERSIONS))
    def sensible(self, version: str) -> None:
        """The step that leads an engine on, on sound grounds, after waiting; so that the walk gets somewhere."""
        self.now += timedelta(hours=49)
        state, grounds = self.state, self.grounds(version, True, "healthy")
        stage = state.stage(version)
        if stage == "candidate":
            self.ask(version, "staging", None, grounds)
        elif stage == "staging":
            self.ask(version, "canary", 0.01, grounds)
        elif stage == "canary" and state.canary is not None:
            higher = [step for step in (0.01, 0.05, 0.2) if step > state.canary.fraction]
            self.ask(version, "canary" if higher else "production", higher[0] if higher else None, grounds)

    @rule(bare=st.booleans())
    def back(self, bare: bool) -> None:
        """A rollback or abort, with nothing to rest on."""
        ledger = fold(self.events)
        assert not isinstance(ledger, Finding)
        canary = self.state.canary
        grounds = Grounds() if bare else self.grounds("a", False, None)
        if canary is not None:
            assert self.ask(canary.version, "staging", None, grounds) is not None, "an abort is always allowed"
        elif ledger.last_live is not None:
            assert self.ask(ledger.last_live, "production", None, grounds) is not None, "a rollback is always allowed"

    @rule(hours=st.integers(0, 100))
    def wait(self, hours: int) -> None:
        """Time passes."""
        self.now += timedelta(hours=hours)

    @invariant()
    def one_engine_is_live(self) -> None:
        """Exactly one production engine, at most one canary, and stage and canary agree."""
        stages = list(self.state.stages.values())
        assert stages.count("production") == 1
        in_canary = [version for version, stage in self.state.stages.items() if stage == "canary"]
        assert in_canary == ([self.state.canary.version] if self.state.canary else [])

    @invariant()
    def nothing_is_lost(self) -> None:
        """An event a generation, and replaying them all, each by the rules then in force, gives the state."""
        assert len(self.events) == self.state.generation + 1
        raw = tuple(canonical_yaml(event) for event in self.events)
        history = History(self.state, tuple(self.events), raw)
        ledgers, findings = replay(history, lambda digest: YARD.policies if digest == YARD.policy_digest else None)
        assert findings == []
        assert ledgers[-1].state == self.state
        assert list(ledgers[-1].live) == self.live
        assert all(move_of(event, ledger.state) for event, ledger in zip(self.events[1:], ledgers, strict=False))


def walk(examples: int, steps: int) -> None:
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=True,
            deadline=None,
            database=None,
            suppress_health_check=checks,
        ),
    )


def test_a_short_walk() -> None:
    """Some hundred random steps keep every promise."""
    walk(12, 25)


@pytest.mark.prove
def test_a_long_walk() -> None:
    """At least 5,000 random steps keep every promise."""
    walk(140, 60)


def test_the_walk_gets_somewhere() -> None:
    """The sensible steps alone bring an engine to production, so the walk does visit the states that matter."""
    life = Life()
    for _ in range(5):
        life.sensible("b")
    assert life.state.production == "b"
    life.back(bare=True)
    assert life.state.production == "a"


def test_the_gate_of_the_walk_is_there() -> None:
    """The walk judges evidence with a gate; without one nothing could be promoted."""
    assert YARD.gates == {"ece/ece": "soft"}
    assert Path(ROOT / "tool/tests/govern/gate.yaml").is_file()
