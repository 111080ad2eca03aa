"""Prepare a step in the working tree: the files to write, the commit message, and the commands that follow."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tool.errors import BadRequest
from tool.govern.evidence import best_report, evidence_view, find_report, health_view
from tool.govern.finding import Finding
from tool.govern.git import Git
from tool.govern.ledger import Ledger
from tool.govern.sides import FOLDERS, KEEP
from tool.govern.store import STATE, History, engine_path, event_path, read_engine, read_history
from tool.govern.transition import Grounds, Request, Step, fold, genesis, transition
from tool.govern.tree import read_tree
from tool.govern.yardstick import Yardstick, yardstick
from tool.schema.evidence import EvaluationReport
from tool.schema.state import Event

STEPS_POLICY = "canary-steps"


@dataclass(frozen=True)
class Desk:
    """One tree, read for preparing or showing steps. `history` is None where no engine was ever live."""

    root: Path
    files: dict[str, bytes]
    yard: Yardstick
    history: History | None
    findings: tuple[Finding, ...]
    now: datetime

    def ledger(self) -> Ledger:
        """The state with its past. Raises BadRequest where there is none."""
        if self.findings:
            raise BadRequest("state", str(self.findings[0]))
        if self.history is None:
            raise BadRequest("state", "there is no history yet", "start it with `ftc promote VERSION --genesis`")
        ledger = fold(self.history.events)
        if isinstance(ledger, Finding):
            raise BadRequest("state", ledger.message, ledger.remedy)
        return ledger


def open_desk(root: Path, now: datetime) -> Desk:
    """Read a tree. Raises InputFaults when its rules are unreadable; unreadable state is kept as findings."""
    files = read_tree(root, FOLDERS, KEEP)
    history, findings = read_history(files)
    return Desk(root, files, yardstick(files), history, tuple(findings), now)


def canary_steps(yard: Yardstick) -> tuple[float, ...]:
    """The fractions that a canary goes through, from the rollout rules."""
    if STEPS_POLICY not in yard.policies:
        return ()
    return tuple(float(step) for step in yard.policies[STEPS_POLICY].params.get("steps", ()))


def grounds(desk: Desk, request: Request, evidence: str | None = None) -> Grounds | list[Finding]:
    """What a request can rest on: the named report or the best one there is, and telemetry's verdict."""
    ledger = desk.ledger()
    digest = evidence or best_report(desk.files, request.version, desk.yard, ledger.state.production)
    view = None
    if digest is not None:
        report = find_report(desk.files, digest)
        if not isinstance(report, EvaluationReport):
            return [report]
        view = evidence_view(report, digest, desk.files, desk.yard, desk.now)
    health = health_view(desk.files, request.version, ledger.state.generation, desk.now)
    if isinstance(health, Finding):
        return [health]
    return Grounds(digest=digest, evidence=view, health=health)


def prepare(desk: Desk, request: Request, evidence: str | None = None) -> Step | list[Finding]:
    """The step that a request asks for, or every reason against it."""
    ledger = desk.ledger()
    engine = read_engine(desk.files, request.version)
    if isinstance(engine, Finding):
        return [engine]
    rests = grounds(desk, request, evidence)
    if isinstance(rests, list):
        return rests
    stays = request.to in ("hold", "unhold", "rejected") or _steps_back(ledger, request)
    if stays and evidence is None:
        rests = Grounds(change=rests.change)
    history = desk.history
    assert history is not None
    return transition(history.state, history.events, request, rests, desk.yard, desk.now)


def _steps_back(ledger: Ledger, request: Request) -> bool:
    """Whether a request lowers, aborts or rolls back: steps that rest on no evidence."""
    stage, canary = ledger.state.stage(request.version), ledger.state.canary
    if stage == "canary" and request.to == "canary" and canary is not None and request.fraction is not None:
        return request.fraction < canary.fraction
    return (stage, request.to) in (("canary", "staging"), ("deprecated", "production"))


def rollback_request(desk: Desk, actor: str, reason: str | None, production: bool) -> Request:
    """A running canary goes back to staging; otherwise production goes back to the version last live.

    `production` rolls production back even while a canary runs. Raises BadRequest where there is nothing to go back to.
    """
    ledger = desk.ledger()
    canary = ledger.state.canary
    if canary is not None and not production:
        return Request(canary.version, "staging", actor, reason or f"Abort the canary {canary.version}")
    if ledger.last_live is None:
        raise BadRequest("rollback", "no version was live before the present one", "promote another engine")
    text = reason or f"Roll back from {ledger.state.production} to {ledger.last_live}"
    return Request(ledger.last_live, "production", actor, text)


def prepare_genesis(desk: Desk, version: str, actor: str, reason: str) -> Step:
    """Event 0000, which makes an engine live without a step. Raises BadRequest when there is a history already."""
    if desk.history is not None or desk.findings:
        raise BadRequest("genesis", "there is a history already", "promote the engine through staging and canary")
    if engine_path(version) not in desk.files:
        raise BadRequest("version", f"there is no engine {version!r}", "name a folder of registry/engines")
    return genesis(version, actor, reason, desk.yard.policy_digest, desk.now)


def step_files(step: Step) -> dict[str, bytes]:
    """What a step writes."""
    return {STATE: step.state_bytes, event_path(step.state.generation): step.event_bytes}


def write_step(root: Path, step: Step) -> list[str]:
    """Write a step: the event first, so that a state is never without it. Returns the paths written."""
    files = step_files(step)
    paths = sorted(files, key=lambda path: path == STATE)
    for path in paths:
        full = root / path
        full.parent.mkdir(parents=True, exist_ok=True)
        temporary = full.with_name(f".{full.name}.{os.getpid()}")
        temporary.write_bytes(files[path])
        temporary.replace(full)
    return sorted(paths)


def title(move: str, event: Event) -> str:
    """What a step does, in one line."""
    version = event.version
    fraction = f"{(event.fraction or 0) * 100:.4g} %"
    lines = {
        "genesis": f"Start the history with {version} live",
        "stage": f"Promote {version} to staging",
        "reject": f"Reject {version}",
        "start": f"Start a canary of {version} at {fraction}",
        "raise": f"Raise the canary {version} to {fraction}",
        "lower": f"Lower the canary {version} to {fraction}",
        "abort": f"Abort the canary {version}",
        "release": f"Promote {version} to production",
        "rollback": f"Roll back to {version}",
        "hold": f"Hold {version}",
        "unhold": f"Release the hold on {version}",
    }
    return lines.get(move, f"Move {version} to {event.to}")


def commit_message(step: Step) -> str:
    """Title, reason and the trailers that bind the commit to evidence, rules and generation."""
    event = step.event
    trailers = []
    if event.evidence_digest:
        trailers.append(f"Evidence-Digest: {event.evidence_digest}")
    if event.policy_digest:
        trailers.append(f"Policy-Digest: {event.policy_digest}")
    if event.expect_generation is not None:
        trailers.append(f"Expect-Generation: {event.expect_generation}")
    return "\n".join([title(step.move, event), "", event.reason, "", *trailers]) + "\n"


def branch_name(step: Step) -> str:
    return f"engines/{step.state.generation:04d}-{step.move}-{step.event.version}"


def write_message(root: Path, step: Step) -> str:
    """Leave the commit message where git keeps such things, for `git commit -F`; its path."""
    path = Git(root).inside("ftc-message")
    (root / path).write_text(commit_message(step), encoding="utf-8")
    return path


def next_commands(root: Path, step: Step) -> list[str]:
    """What to run after the step is written."""
    branch = branch_name(step)
    folders = [folder for folder in ("registry/engines", "evaluation/reports", "generated") if (root / folder).is_dir()]
    return [
        f"git switch -c {branch}",
        f"git add {' '.join(folders)}",
        f"git commit -F {Git(root).inside('ftc-message')}",
        f"git push -u origin {branch}",
        "gh pr create --fill",
    ]
