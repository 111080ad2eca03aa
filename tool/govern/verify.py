"""Judge a tree against its base: form, engines, rules, waivers, and the change of state with the base's rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tool.govern.artifacts import check_engine
from tool.govern.changes import engine_of
from tool.govern.finding import BASE_MOVED, Finding, exit_code
from tool.govern.sides import Sides, open_sides
from tool.govern.store import ENGINES, read_history
from tool.govern.tree import form
from tool.govern.verify_rules import check_rules, check_waivers
from tool.govern.verify_state import NewStep, Recomputed, check_history, check_state, lost_evidence
from tool.govern.yardstick import yardstick
from tool.policy.waivers import days_left
from tool.schema.waiver import Waiver

ALWAYS_ALLOWED = ("lower", "abort", "rollback", "hold", "unhold")


@dataclass(frozen=True)
class Verdict:
    """What `ftc verify` says. `steps` are the new steps, `generation` that of the tree (None: no state).

    `waivers` are those in force on the base, with the days that each has left.
    """

    findings: tuple[Finding, ...]
    generation: int | None
    steps: tuple[NewStep, ...]
    changed: int
    base: str
    waivers: tuple[tuple[Waiver, float], ...] = ()

    @property
    def moves(self) -> tuple[str, ...]:
        return tuple(step.move for step in self.steps)

    @property
    def evidence(self) -> tuple[tuple[str, str], ...]:
        """(version, report digest) of each new step that rests on a report."""
        events = [step.event for step in self.steps]
        return tuple((each.version, each.evidence_digest) for each in events if each.version and each.evidence_digest)

    @property
    def exit_code(self) -> int:
        return exit_code(self.findings)


def check_engines(sides: Sides) -> list[Finding]:
    """Engines that the base has stay as they are; engines that change or are in use are what their digests say."""
    findings = []
    before = set(sides.git.paths(sides.parted, [ENGINES]))
    merged = {version for path in before if (version := engine_of(path))}
    touched = {version for each in sides.changed if (version := engine_of(each.path))}
    for each in sides.changed:
        version = engine_of(each.path)
        if version in merged:
            told = f"engine {version} is merged, and immutable"
            findings.append(Finding("engine.immutable", told, "restore it; train a new version", each.path))
    history, _ = read_history(sides.files)
    used = {v for v, stage in history.state.stages.items() if stage in ("canary", "production")} if history else set()
    for version in sorted(touched | used):
        if (sides.root / ENGINES / version).exists() or version in used:
            findings += check_engine(sides.root, version)
    return findings


def verify(root: Path, base: str, now: datetime, recomputed: Recomputed | None = None) -> Verdict:
    """Judge the working tree against a commit. Raises InputFaults when the base's own rules are unreadable.

    `recomputed` are the reports that evaluating the engine, and asking the telemetry, have just given.
    """
    sides = open_sides(root, base, now)
    yard = yardstick(sides.base_files)
    waivers = tuple((waiver, round(days_left(waiver, now), 1)) for waiver in yard.waivers)
    findings = form(root, sides.changed, sides.git.tracked())
    stale = check_history(sides)
    if any(finding.exit_code == BASE_MOVED for finding in stale):
        return Verdict(tuple(sorted({*findings, *stale})), None, (), len(sides.changed), sides.base, waivers)
    state_findings, history, steps = check_state(sides, yard, recomputed or Recomputed())
    findings += stale + state_findings + check_engines(sides) + check_rules(sides, yard) + lost_evidence(sides, history)
    if not steps or any(step.move not in ALWAYS_ALLOWED for step in steps):
        findings += check_waivers(sides, yard)
    generation = history.state.generation if history else None
    return Verdict(tuple(sorted(set(findings))), generation, tuple(steps), len(sides.changed), sides.base, waivers)
