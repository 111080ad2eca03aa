"""Events and pull requests against the rules: the variables that policies see, and findings from what they say."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tool.govern.finding import INCONCLUSIVE, VIOLATION, Finding
from tool.govern.ledger import Ledger, move_of
from tool.policy.policies import Outcome, Policies
from tool.policy.variables import Change, Evidence, Health, StateView, Transition, Variable, plain
from tool.schema.policy import Kind
from tool.schema.state import Event, parse_time

SECONDS_PER_HOUR = 3600.0


def hours_between(first: str, second: str) -> float:
    """Hours from one moment to another."""
    return (parse_time(second) - parse_time(first)).total_seconds() / SECONDS_PER_HOUR


def transition_view(ledger: Ledger, event: Event) -> Transition:
    """An event as policies see it."""
    return Transition.model_construct(
        move=move_of(event, ledger.state) or "none",
        version=event.version,
        from_=event.from_,
        to=event.to,
        fraction=event.fraction,
        evidence_digest=event.evidence_digest,
        actor=event.actor,
        reason=event.reason,
        generation=ledger.state.generation + 1,
    )


def state_view(ledger: Ledger, event: Event) -> StateView:
    """The state before an event, as policies see it."""
    state, canary = ledger.state, ledger.state.canary
    return StateView.model_construct(
        generation=state.generation,
        production=state.production,
        last_live=ledger.last_live,
        canary=canary.version if canary else None,
        canary_fraction=canary.fraction if canary else None,
        soak_hours=hours_between(canary.since, event.at) if canary else None,
        holds=list(state.holds),
    )


def finding_of(outcome: Outcome, path: str = "") -> Finding | None:
    """What a rule's outcome blocks; None where it blocks nothing. An advisory rule blocks nothing."""
    if outcome.passed or outcome.level == "advisory":
        return None
    code = INCONCLUSIVE if outcome.status == "inconclusive" else VIOLATION
    return Finding(outcome.id, outcome.message, outcome.remedy, path, code)


def _ask(
    policies: Policies, kind: Kind, variables: dict[str, Variable | None], at: datetime, path: str
) -> list[Finding]:
    data: dict[str, Any] = {name: plain(variable) for name, variable in variables.items()}
    outcomes = policies.judge(kind, data, at)
    return [finding for outcome in outcomes if (finding := finding_of(outcome, path))]


def judge_event(ledger: Ledger, event: Event, policies: Policies, path: str = "") -> list[Finding]:
    """What the rules that can be decided from the history alone say of one step, now or years later."""
    variables: dict[str, Variable | None] = {
        "transition": transition_view(ledger, event),
        "state": state_view(ledger, event),
    }
    return _ask(policies, "transition", variables, parse_time(event.at), path)


def judge_change(
    ledger: Ledger,
    event: Event,
    policies: Policies,
    change: Change,
    evidence: Evidence | None,
    health: Health | None,
    now: datetime,
    path: str = "",
) -> list[Finding]:
    """What the rules for a pull request say: the step, its evidence, the telemetry, and what else is touched."""
    variables: dict[str, Variable | None] = {
        "transition": transition_view(ledger, event),
        "state": state_view(ledger, event),
        "change": change,
        "evidence": evidence,
        "health": health,
    }
    return _ask(policies, "change", variables, now, path)
