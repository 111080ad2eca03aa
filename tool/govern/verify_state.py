"""The change of state: nothing of the history lost, the chain whole, and each new step legal by the base's rules."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from tool.errors import InputFaults
from tool.govern.changes import change_view, touches_state
from tool.govern.evidence import REPORTS, evidence_view, find_report, health_view, recomputed_health
from tool.govern.finding import BASE_MOVED, Finding
from tool.govern.judge import judge_change, judge_event
from tool.govern.ledger import Ledger, move_of
from tool.govern.replay import replay
from tool.govern.sides import Sides
from tool.govern.store import EVENTS, RESTORE, STATE, History, engine_path, event_number, event_path, read_history
from tool.govern.yardstick import Yardstick
from tool.policy.digests import policy_digest, sha256
from tool.policy.policies import Policies, load_policies
from tool.policy.variables import Change, Evidence, Health
from tool.schema.evidence import EvaluationReport
from tool.schema.state import TIME_FORMAT, Event, parse_time

# Clocks differ; a step dated further ahead than this would only feign soak time.
CLOCK_SKEW = timedelta(minutes=10)


@dataclass(frozen=True)
class Recomputed:
    """Reports that were just made anew from the engine and from the telemetry; None: not asked for."""

    evaluation: bytes | None = None
    health: bytes | None = None


@dataclass(frozen=True)
class NewStep:
    """One step that a change takes, and what it rests on as far as that was there."""

    generation: int
    move: str
    event: Event
    evidence: Evidence | None = None
    health: Health | None = None

    @property
    def rests_on_health(self) -> bool:
        """Whether telemetry's verdict is part of what the step rests on."""
        return self.move in ("raise", "release") and self.health is not None


def check_history(sides: Sides) -> list[Finding]:
    """What the base's history says must be in the tree, byte for byte; a base that moved on comes first."""
    touched = [each.path for each in sides.changed if touches_state(each.path)]
    if not touched:
        return []
    parted = [number for path in sides.git.paths(sides.parted, [EVENTS]) if (number := event_number(path)) is not None]
    present = [number for path in sides.base_files if (number := event_number(path)) is not None]
    if max(present, default=-1) > max(parted, default=-1):
        told = f"the base is at generation {max(present)}, this change was prepared at {max(parted, default=-1)}"
        remedy = "update the branch from the base, drop the step, and prepare it again with `ftc`"
        return [Finding("stale-generation", told, remedy, event_path(max(parted, default=-1) + 1), BASE_MOVED)]
    findings = []
    for path in touched:
        if path == STATE and path not in sides.files and STATE in sides.base_files:
            findings.append(Finding("history.deleted", "the state is gone", RESTORE, path))
        elif path in sides.base_files and path != STATE:
            gone = path not in sides.files
            told = "an event of the base is " + ("gone" if gone else "another")
            findings.append(Finding("history.deleted" if gone else "history.rewritten", told, RESTORE, path))
    return findings


class Rules:
    """Policies by digest: those of the base, and those that were in force at some commit before it."""

    def __init__(self, sides: Sides, yard: Yardstick) -> None:
        self._found: dict[str, Policies | None] = {yard.policy_digest: yard.policies}
        self._sides = sides
        self._searched = False

    def __call__(self, digest: str) -> Policies | None:
        if digest not in self._found and not self._searched:
            self._search()
        return self._found.get(digest)

    def _search(self) -> None:
        self._searched = True
        for commit in self._sides.git.commits_touching(self._sides.base, "policies"):
            rules = self._sides.git.read(commit, ["policies"], (".yaml",))
            try:
                self._found.setdefault(policy_digest(rules), load_policies(rules))
            except InputFaults:
                continue


def _evidence_now(
    sides: Sides, yard: Yardstick, ledger: Ledger, event: Event, path: str, recomputed: Recomputed
) -> tuple[Evidence | None, Health | None, list[Finding]]:
    """The evidence that an event names, as it stands in the tree; telemetry's verdict as it was just recomputed."""
    findings: list[Finding] = []
    evidence: Evidence | None = None
    if event.evidence_digest is not None:
        report = find_report(sides.files, event.evidence_digest)
        if isinstance(report, EvaluationReport):
            evidence = evidence_view(report, event.evidence_digest, sides.files, yard, sides.now)
        else:
            findings.append(report)
        if recomputed.evaluation is not None and sha256(recomputed.evaluation) != event.evidence_digest:
            told = "the report is not what evaluating the engine again gives"
            findings.append(Finding("evidence.forged", told, "commit the report that `ftc evaluate` writes", path))
    version, generation = str(event.version), ledger.state.generation
    if recomputed.health is not None:
        health, told_by = recomputed_health(sides.files, version, generation, recomputed.health, sides.now)
        return evidence, health, findings + told_by
    committed = health_view(sides.files, version, generation, sides.now)
    if isinstance(committed, Finding):
        return evidence, None, [*findings, committed]
    return evidence, committed, findings


def _soak_since_merge(
    sides: Sides, yard: Yardstick, ledgers: list[Ledger], ledger: Ledger, event: Event, path: str
) -> list[Finding]:
    """The rules once more, with the canary's fraction counted from its merge where that is later than it says.

    Without this, a backdated event would bring the soak time of its successor along.
    """
    canary = ledger.state.canary
    if canary is None or event.to not in ("canary", "production"):
        return []
    began = next(each.state.generation for each in ledgers if each.state.canary == canary)
    merged = sides.git.added_at(sides.base, event_path(began))
    if merged is None or merged <= parse_time(canary.since):
        return []
    later = canary.model_copy(update={"since": merged.strftime(TIME_FORMAT)})
    state = ledger.state.model_copy(update={"canary": later})
    return judge_event(replace(ledger, state=state), event, yard.policies, path)


def _check_step(
    sides: Sides,
    yard: Yardstick,
    rules: Rules,
    ledger: Ledger,
    event: Event,
    change: Change,
    recomputed: Recomputed,
) -> tuple[NewStep, list[Finding]]:
    """One new step with the base's rules."""
    path = event_path(ledger.state.generation + 1)
    findings = []
    if event.policy_digest != yard.policy_digest and rules(event.policy_digest or "") is not None:
        told = "was prepared under other rules than the base's"
        findings.append(Finding("stale-policy", told, "prepare the step again with `ftc`", path, BASE_MOVED))
    if parse_time(event.at) > sides.now + CLOCK_SKEW:
        findings.append(Finding("chain.future", f"is dated {event.at}, which is still to come", "correct it", path))
    # a candidate that failed its gates is brought and rejected by one change: it never meets anybody
    known = {*sides.base_files, *(sides.files if event.to == "rejected" else ())}
    if event.version is not None and engine_path(event.version) not in known:
        told = f"the base has no engine {event.version}"
        findings.append(Finding("engine.unknown", told, "merge the engine first, in a pull request of its own", path))
    evidence, health, problems = _evidence_now(sides, yard, ledger, event, path, recomputed)
    findings += problems
    findings += judge_change(ledger, event, yard.policies, change, evidence, health, sides.now, path)
    move = str(move_of(event, ledger.state))
    return NewStep(ledger.state.generation + 1, move, event, evidence, health), findings


def check_state(
    sides: Sides, yard: Yardstick, recomputed: Recomputed
) -> tuple[list[Finding], History | None, list[NewStep]]:
    """Replay the whole chain, and judge the steps that are new. Returns findings, history, and the new steps."""
    history, findings = read_history(sides.files)
    if history is None:
        return findings, None, []
    rules = Rules(sides, yard)
    ledgers, problems = replay(history, rules)
    findings = findings + problems
    known = sum(event_number(path) is not None for path in sides.base_files)
    new = history.events[known:]
    versions = {event.version for event in new if event.version}
    change = change_view(sides.changed, len(new), versions)
    steps = []
    if new and not (yard.policies.of("transition") and yard.policies.of("change")):
        findings.append(Finding("policy.none", "the base has no rules to judge a step by", "restore policies/"))
    for offset, event in enumerate(new):
        number = known + offset
        if number == 0:
            steps.append(NewStep(0, "genesis", event))
            if event.version and not (sides.root / engine_path(event.version)).is_file():
                findings.append(
                    Finding("engine.unknown", f"there is no engine {event.version}", "add it", event_path(0))
                )
        elif number <= len(ledgers):
            before, path = ledgers[number - 1], event_path(number)
            step, problems = _check_step(sides, yard, rules, before, event, change, recomputed)
            steps.append(step)
            findings += problems
            findings += _soak_since_merge(sides, yard, ledgers, before, event, path)
    if len(new) > 1 and known == 0:
        findings.append(Finding("one-transition/one", "the change takes more than one step", "split it", event_path(1)))
    return findings, history, steps


def lost_evidence(sides: Sides, history: History | None) -> list[Finding]:
    """Reports that past steps rest on stay in the tree."""
    if history is None:
        return []
    named = {event.evidence_digest for event in history.events}
    findings = []
    for each in sides.changed:
        before = sides.base_files.get(each.path)
        if each.path.startswith(f"{REPORTS}/") and before is not None and sha256(before) in named:
            told = "a step of the history rests on this report"
            findings.append(Finding("evidence.lost", told, "restore it from the base branch", each.path))
    return findings
