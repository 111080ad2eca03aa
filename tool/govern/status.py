"""What is live, since when, what comes next, what blocks it, and what each step rests on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from tool.govern.evidence import best_report, evidence_view, find_report, health_view
from tool.govern.finding import Finding, condensed
from tool.govern.impact import canary_impact
from tool.govern.prepare import Desk, canary_steps, prepare
from tool.govern.store import engine_versions
from tool.govern.transition import Request
from tool.policy.waivers import days_left
from tool.schema.evidence import EvaluationReport
from tool.schema.state import TIME_FORMAT, Stage, parse_time

SOAK_POLICY = "soak-time"


@dataclass(frozen=True)
class Next:
    """The next step of one engine: the command that prepares it, and what blocks it now.

    `not_before` is when the rules let a canary grow; None where they set no time.
    """

    version: str
    stage: Stage
    command: str
    blocked_by: tuple[Finding, ...]
    not_before: str | None


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
        found.append(Next(version, state.stage(version), wanted[1], blocked, not_before(desk, wanted[0])))
    return found


def not_before(desk: Desk, request: Request) -> str | None:
    """When the canary has soaked long enough for a step; None for a step that need not wait."""
    canary = desk.ledger().state.canary
    if canary is None or canary.version != request.version or SOAK_POLICY not in desk.yard.policies:
        return None
    params = desk.yard.policies[SOAK_POLICY].params
    hours = params.get("release_hours" if request.to == "production" else "raise_hours")
    if hours is None:
        return None
    return (parse_time(canary.since) + timedelta(hours=float(hours))).strftime(TIME_FORMAT)


def following(desk: Desk, version: str) -> str | None:
    """The step after the present one, in words for the review of the present one."""
    wanted = next_request(desk, version)
    if wanted is None:
        return None
    wait = not_before(desk, wanted[0])
    return f"`{wanted[1]}`" + (f", not before {wait}" if wait else "")


def _evidence(desk: Desk, version: str) -> dict[str, Any] | None:
    """What the best report on an engine says; None where there is none."""
    production = desk.ledger().state.production
    digest = best_report(desk.files, version, desk.yard, production if production != version else None)
    report = find_report(desk.files, digest) if digest else None
    if digest is None or not isinstance(report, EvaluationReport):
        return None
    view = evidence_view(report, digest, desk.files, desk.yard, desk.now)
    names = ("against", "verdict", "hard_failures", "soft_failures", "undecided", "unjudged", "waived")
    return {"digest": digest, **{name: getattr(view, name) for name in names}}


def _health(desk: Desk) -> dict[str, Any] | None:
    """Telemetry's verdict on the running canary at its present step; None where there is none yet."""
    state = desk.ledger().state
    view = health_view(desk.files, state.canary.version, state.generation, desk.now) if state.canary else None
    if view is None or isinstance(view, Finding):
        return None
    names = ("verdict", "runs_production", "runs_canary", "age_hours")
    return {name: getattr(view, name) for name in names}


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
    impact = canary_impact(desk.root) if state.canary else None
    return {
        "generation": state.generation,
        "production": {"version": state.production, "since": since.get(state.production or "")},
        "canary": state.canary.model_dump() if state.canary else None,
        "holds": list(state.holds),
        "rollback_to": ledger.last_live,
        "health": _health(desk),
        "moves": asdict(impact) if impact else None,
        "engines": {
            version: {
                "stage": state.stage(version),
                "since": since.get(version),
                "evidence": _evidence(desk, version),
            }
            for version in sorted({*candidates, *state.stages})
        },
        "next": [
            {
                "version": each.version,
                "stage": each.stage,
                "command": each.command,
                "not_before": each.not_before,
                "blocked_by": [finding.plain() for finding in condensed(each.blocked_by)],
            }
            for each in next_steps(desk)
        ],
        "waivers": waivers,
        "policy_digest": desk.yard.policy_digest,
    }
