"""What is live, since when, what comes next, and what blocks it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tool.govern.finding import Finding
from tool.govern.prepare import Desk, canary_steps, prepare
from tool.govern.store import engine_versions
from tool.govern.transition import Request
from tool.policy.waivers import days_left
from tool.schema.state import Stage


@dataclass(frozen=True)
class Next:
    """The next step of one engine: the command that prepares it, and what blocks it now."""

    version: str
    stage: Stage
    command: str
    blocked_by: tuple[Finding, ...]


def next_request(desk: Desk, version: str) -> tuple[Request, str] | None:
    """The step that leads an engine on, and its command; None where none does."""
    state, steps = desk.ledger().state, canary_steps(desk.yard)
    stage = state.stage(version)

    def request(to: str, fraction: float | None = None) -> Request:
        return Request(version, to, "a person", "the next step", fraction)

    if stage == "candidate":
        return request("staging"), f"ftc promote {version} --to staging --write"
    if stage == "staging":
        first = steps[0] if steps else 0.01
        return request("canary", first), f"ftc promote {version} --to canary --write"
    if stage == "canary" and state.canary is not None:
        higher = [step for step in steps if step > state.canary.fraction]
        if higher:
            return request("canary", higher[0]), f"ftc canary set {higher[0]:g} --write"
        return request("production"), f"ftc promote {version} --to production --write"
    return None


def next_steps(desk: Desk) -> list[Next]:
    """The next step of every engine that has one."""
    found = []
    state = desk.ledger().state
    for version in engine_versions(desk.files):
        wanted = next_request(desk, version)
        if wanted is None:
            continue
        step = prepare(desk, wanted[0])
        blocked = tuple(step) if isinstance(step, list) else ()
        found.append(Next(version, state.stage(version), wanted[1], blocked))
    return found


def _since(desk: Desk) -> dict[str, str]:
    """Version → since when it is where it is."""
    assert desk.history is not None
    since: dict[str, str] = {}
    live = None
    for event in desk.history.events:
        if event.version is None or "hold" in (event.from_, event.to):
            continue
        since[event.version] = event.at
        if event.to == "production":
            if live is not None and live != event.version:
                since[live] = event.at
            live = event.version
    return since


def status(desk: Desk) -> dict[str, Any]:
    """Everything `ftc status` shows, as plain values."""
    waivers = [
        {"id": each.id, "gate": each.gate, "days_left": round(days_left(each, desk.now), 1)}
        for each in desk.yard.waivers
    ]
    candidates = engine_versions(desk.files)
    if desk.history is None and not desk.findings:
        return {"generation": None, "production": None, "engines": candidates, "next": [], "waivers": waivers}
    ledger = desk.ledger()
    state, since = ledger.state, _since(desk)
    return {
        "generation": state.generation,
        "production": {"version": state.production, "since": since.get(state.production or "")},
        "canary": state.canary.model_dump() if state.canary else None,
        "holds": list(state.holds),
        "rollback_to": ledger.last_live,
        "engines": {
            version: {"stage": state.stage(version), "since": since.get(version)}
            for version in sorted({*candidates, *state.stages})
        },
        "next": [
            {
                "version": each.version,
                "stage": each.stage,
                "command": each.command,
                "blocked_by": [finding.plain() for finding in each.blocked_by],
            }
            for each in next_steps(desk)
        ],
        "waivers": waivers,
        "policy_digest": desk.yard.policy_digest,
    }
