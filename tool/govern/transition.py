"""The pure heart: state, history and a request in; the next state and its event out, or findings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from tool.errors import BadRequest
from tool.govern.canonical import canonical_yaml
from tool.govern.finding import Finding
from tool.govern.judge import judge_change, judge_event
from tool.govern.ledger import Ledger, apply, genesis_ledger, move_of
from tool.govern.yardstick import Yardstick
from tool.policy.variables import Change, Evidence, Health
from tool.schema.state import TIME_FORMAT, Event, State

ALONE = Change(events=1, policies=False, tool=False, evaluation=False, workflows=False, paths=[])


@dataclass(frozen=True)
class Request:
    """What somebody wants: a version to a stage, to `hold` or to `unhold`; `fraction` for a canary."""

    version: str
    to: str
    actor: str
    reason: str
    fraction: float | None = None


@dataclass(frozen=True)
class Grounds:
    """What a request rests on: the evaluation report, telemetry's verdict, and what else the change touches."""

    digest: str | None = None
    evidence: Evidence | None = None
    health: Health | None = None
    change: Change = field(default_factory=lambda: ALONE)


@dataclass(frozen=True)
class Step:
    """A legal step: the state after it, and the event that records it, with their bytes."""

    state: State
    event: Event
    move: str

    @property
    def state_bytes(self) -> bytes:
        return canonical_yaml(self.state)

    @property
    def event_bytes(self) -> bytes:
        return canonical_yaml(self.event)


def fold(events: Sequence[Event]) -> Ledger | Finding:
    """The ledger after all events, by the kernel alone."""
    if not events:
        return Finding("state.missing", "there is no history yet", "set it up with event 0000 (genesis)")
    ledger = genesis_ledger(events[0], canonical_yaml(events[0]))
    for event in events[1:]:
        if isinstance(ledger, Finding):
            return ledger
        ledger = apply(ledger, event, canonical_yaml(event))
    return ledger


def _validated(fields: dict[str, Any]) -> Event:
    try:
        return Event.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise BadRequest(field, str(first["msg"]), "correct the value") from None


def _event(ledger: Ledger, request: Request, digest: str | None, policy_digest: str, now: datetime) -> Event:
    """The event that a request asks for, legal or not. Raises BadRequest for values that no event can hold."""
    stage = ledger.state.stage(request.version)
    return _validated(
        {
            "version": request.version,
            "from": "hold" if request.to == "unhold" else stage,
            "to": stage if request.to == "unhold" else request.to,
            "fraction": request.fraction,
            "expect_generation": ledger.state.generation,
            "evidence_digest": digest,
            "policy_digest": policy_digest,
            "prev_digest": ledger.digest,
            "actor": request.actor,
            "reason": request.reason,
            "at": now.strftime(TIME_FORMAT),
        }
    )


def transition(
    state: State, events: Sequence[Event], request: Request, evidence: Grounds, policies: Yardstick, now: datetime
) -> Step | list[Finding]:
    """Take one step. The state must be what the events give; the rules of `policies` judge the step."""
    ledger = fold(events)
    if isinstance(ledger, Finding):
        return [ledger]
    if ledger.state != state:
        return [Finding("state.replay", "the state is not what the events give", "restore both from the base branch")]
    event = _event(ledger, request, evidence.digest, policies.policy_digest, now)
    after = apply(ledger, event, canonical_yaml(event))
    findings = [] if not isinstance(after, Finding) else [after]
    findings += judge_event(ledger, event, policies.policies)
    findings += judge_change(ledger, event, policies.policies, evidence.change, evidence.evidence, evidence.health, now)
    if event.at < ledger.at:
        findings.append(Finding("chain.time", "the clock is behind the last event", "set the clock"))
    if findings or isinstance(after, Finding):
        return sorted(set(findings))
    return Step(after.state, event, str(move_of(event, ledger.state)))


def genesis(version: str | None, actor: str, reason: str, policy_digest: str | None, now: datetime) -> Step:
    """The first state and event 0000; `version` is live from then on. Raises BadRequest for an unusable version."""
    event = _validated(
        {
            "version": version,
            "from": "none",
            "to": "production" if version else "none",
            "fraction": None,
            "expect_generation": None,
            "evidence_digest": None,
            "policy_digest": policy_digest,
            "prev_digest": None,
            "actor": actor,
            "reason": reason,
            "at": now.strftime(TIME_FORMAT),
        }
    )
    ledger = genesis_ledger(event, canonical_yaml(event))
    if isinstance(ledger, Finding):
        raise BadRequest("version", ledger.message, ledger.remedy)
    return Step(ledger.state, event, "genesis")
