"""All events from the first, each legal under the rules then in force; what they give must be the state."""

from __future__ import annotations

from collections.abc import Callable

from tool.govern.finding import Finding
from tool.govern.judge import judge_event
from tool.govern.ledger import Ledger, apply, genesis_ledger
from tool.govern.store import RESTORE, STATE, History, event_path
from tool.policy.policies import Policies
from tool.schema.state import Event

Rules = Callable[[str], Policies | None]


def _links(history: History, generation: int) -> list[Finding]:
    """Whether an event follows from the one before: generation, digest, time."""
    event, before = history.events[generation], history.events[generation - 1]
    path = event_path(generation)
    findings = []
    if event.expect_generation != generation - 1:
        told = f"expects generation {event.expect_generation}, but follows {generation - 1}"
        findings.append(Finding("chain.generation", told, RESTORE, path))
    if event.prev_digest != history.digest(generation - 1):
        told = f"names another predecessor than event {generation - 1:04d} as it is"
        findings.append(Finding("chain.broken", told, RESTORE, path))
    if event.at < before.at:
        told = f"is dated {event.at}, before event {generation - 1:04d}"
        findings.append(Finding("chain.time", told, RESTORE, path))
    return findings


def _legal(ledger: Ledger, event: Event, rules: Rules, path: str) -> list[Finding]:
    policies = rules(event.policy_digest) if event.policy_digest else None
    if policies is None:
        digest = (event.policy_digest or "nothing")[:12]
        told = f"names rules that were never in force ({digest})"
        return [Finding("chain.policy", told, "prepare the step again with `ftc`", path)]
    return judge_event(ledger, event, policies, path)


def replay(history: History, rules: Rules) -> tuple[list[Ledger], list[Finding]]:
    """The ledger after each event, as far as the history holds, and what is wrong with it.

    `rules` yields the policies of a digest, or None where no such rules were ever in force.
    """
    findings = [part for number in range(1, len(history.events)) for part in _links(history, number)]
    first = genesis_ledger(history.events[0], history.raw[0])
    if isinstance(first, Finding):
        return [], [first, *findings]
    ledgers = [first]
    for number, event in enumerate(history.events[1:], start=1):
        findings += _legal(ledgers[-1], event, rules, event_path(number))
        after = apply(ledgers[-1], event, history.raw[number])
        if isinstance(after, Finding):
            return ledgers, [*findings, after]
        ledgers.append(after)
    if ledgers[-1].state != history.state:
        findings.append(Finding("state.replay", "is not what the events give", RESTORE, STATE))
    return ledgers, findings
