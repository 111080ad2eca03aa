"""The attacks: each a legal pull request, one edit that must not get through, and the reason that must be given."""

from __future__ import annotations

import io
import json
import pickle
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import yaml

from tool.govern.evidence import health_path
from tool.govern.store import STATE, event_path
from tool.policy.digests import sha256
from tool.tests.govern.workbench import LATER, LIVE, NEXT, Workbench

Act = Callable[[Workbench], None]
NEW = "2026.12.0"


# Legal pull requests --------------------------------------------------------------------------------------------------


def nothing(bench: Workbench) -> None:
    """A change that moves no state."""
    bench.write("README.md", "words\n")


def stage(bench: Workbench) -> None:
    bench.step("promote", NEXT, "--to", "staging")


def start(bench: Workbench) -> None:
    bench.step("promote", NEXT, "--to", "canary")


def grow(bench: Workbench) -> None:
    bench.later(50)
    bench.health(NEXT)
    bench.step("canary", "set", "0.05")


def release(bench: Workbench) -> None:
    bench.later(50)
    bench.health(NEXT)
    bench.step("promote", NEXT, "--to", "production")


def rollback(bench: Workbench) -> None:
    bench.step("rollback")


def new_engine(bench: Workbench) -> None:
    bench.engine(NEW, 7)


def newer_golden_set(bench: Workbench) -> None:
    """The golden set has grown since the first report; the step rests on a new one."""
    bench.write("evaluation/golden_dataset.jsonl", '{"id": "g1"}\n{"id": "g2"}\n')
    bench.merge("Grow the golden set")
    bench.report(NEXT, name="evaluation-2")
    bench.step("promote", NEXT, "--to", "staging")


def waived(bench: Workbench) -> None:
    """A soft gate failed, a waiver for that very report is merged, and the step rests on both."""
    digest = bench.report(NEXT, statuses={"calibration/ece": "fail"}, verdict="fail")
    bench.write("policies/waivers/w1.yaml", waiver(bench, gate="calibration", evidence_digest=digest))
    bench.merge("Waive the calibration of one report")
    bench.step("promote", NEXT, "--to", "staging")


def valid_waiver(bench: Workbench) -> None:
    bench.write("policies/waivers/w1.yaml", waiver(bench, gate="calibration", evidence_digest="a" * 64))


def waiver(bench: Workbench, **fields: str) -> str:
    data = {
        "reason": "One card that we retire next week.",
        "approver": "maria",
        "issue": "#42",
        "granted": "2026-11-01T00:00:00Z",
        "expires": "2026-11-20T00:00:00Z",
    } | fields
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in data.items())


# Edits ----------------------------------------------------------------------------------------------------------------


def last_event(bench: Workbench) -> str:
    """The path of the newest event."""
    return max(path.relative_to(bench.root).as_posix() for path in (bench.root / "registry/engines/events").iterdir())


def drop_last(bench: Workbench) -> None:
    """Take the newest step back, to write another in its place."""
    path = last_event(bench)
    (bench.root / path).unlink()
    bench.git("checkout", "-q", "origin/main", "--", STATE)


def instead(**fields: object) -> Act:
    """Replace the newest event by one written by hand."""

    def edit(bench: Workbench) -> None:
        drop_last(bench)
        bench.append(**fields)  # type: ignore[arg-type]

    return edit


def forge(**changes: object) -> Act:
    return lambda bench: bench.forge(**changes)


def write(path: str, data: bytes | str) -> Act:
    return lambda bench: bench.write(path, data)


def replace(path: str, old: str, new: str) -> Act:
    return lambda bench: bench.replace(path, old, new)


def both(*acts: Act) -> Act:
    def edit(bench: Workbench) -> None:
        for act in acts:
            act(bench)

    return edit


def remove(*paths: str) -> Act:
    def edit(bench: Workbench) -> None:
        for path in paths:
            (bench.root / path).unlink()

    return edit


def other_evidence(bench: Workbench) -> None:
    bench.forge(evidence_digest=sha256(bench.read(f"evaluation/reports/{LATER}/evaluation.json")))


def older_evidence(bench: Workbench) -> None:
    bench.forge(evidence_digest=sha256(bench.read(f"evaluation/reports/{NEXT}/evaluation.json")))


def changed_report(**changes: object) -> Act:
    """Write another report and rest the step on it."""

    def edit(bench: Workbench) -> None:
        bench.forge(evidence_digest=bench.report(NEXT, name="evaluation-9", **changes))  # type: ignore[arg-type]

    return edit


def copied_report(bench: Workbench) -> None:
    """Production's report under the candidate's name, all digests those of production."""
    report = json.loads(bench.read(f"evaluation/reports/{LIVE}/evaluation.json")) | {"engine": NEXT}
    data = (json.dumps(report, indent=2, sort_keys=True) + "\n").encode()
    bench.write(f"evaluation/reports/{NEXT}/evaluation-9.json", data)
    bench.forge(evidence_digest=sha256(data))


def reserialised_report(bench: Workbench) -> None:
    data = json.dumps(json.loads(bench.read(f"evaluation/reports/{NEXT}/evaluation.json"))).encode()
    bench.write(f"evaluation/reports/{NEXT}/evaluation-9.json", data)
    bench.forge(evidence_digest=sha256(data))


def two_steps(bench: Workbench) -> None:
    bench.step("promote", LATER, "--to", "staging")


def too_early(bench: Workbench) -> None:
    bench.forge(at="2026-11-01T06:00:00Z")
    bench.health(NEXT, generation=3, fraction=0.01, at="2026-11-01T06:00:00Z")


def swap_events(bench: Workbench) -> None:
    first, second = bench.read(event_path(1)), bench.read(event_path(2))
    bench.write(event_path(1), second)
    bench.write(event_path(2), first)


def reserialise(path: str) -> Act:
    return lambda bench: bench.write(path, yaml.safe_dump(yaml.safe_load(bench.read(path)), indent=4))


def alias_bomb(path: str) -> Act:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 9)}]" for i in range(9)]
    return write(path, "\n".join(lines) + "\n")


def link(path: str, target: str) -> Act:
    def edit(bench: Workbench) -> None:
        (bench.root / path).unlink(missing_ok=True)
        (bench.root / path).parent.mkdir(parents=True, exist_ok=True)
        (bench.root / path).symlink_to(target)

    return edit


def artifact(name: str, data: bytes, path: str | None = None) -> Act:
    """Put bytes in place of the calibrator, engine.yaml naming their digest; `path` is what engine.yaml says."""

    def edit(bench: Workbench) -> None:
        folder = f"registry/engines/{NEW}"
        old = sha256(bench.read(f"{folder}/calibrator.json"))
        (bench.root / folder / "calibrator.json").unlink()
        bench.write(f"{folder}/{name}", data)
        bench.replace(
            f"{folder}/engine.yaml",
            f'path: calibrator.json, sha256: "{old}"',
            f'path: {path or name}, sha256: "{sha256(data)}"',
        )

    return edit


def pickled_archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("schema.json", "{}")
        archive.writestr("model", pickle.dumps(print))
    return buffer.getvalue()


def pickled_array() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, weights=np.array([print, None], dtype=object))
    return buffer.getvalue()


def submodule(bench: Workbench) -> None:
    """A repository of its own in the place of an artifact."""
    folder = bench.root / f"registry/engines/{NEW}/weights"
    folder.mkdir()
    (folder / "w.json").write_text("{}")
    bench.git("init", "-q", str(folder))
    bench.git("-C", str(folder), "add", "w.json")
    bench.git("-C", str(folder), "commit", "-q", "-m", "w")


def promote_new(bench: Workbench) -> None:
    bench.report(NEW)
    bench.step("promote", NEW, "--to", "staging")


def hold_later(bench: Workbench) -> None:
    bench.step("hold", LATER)


def drop_history(bench: Workbench) -> None:
    shutil.rmtree(bench.root / "registry/engines/events")
    (bench.root / STATE).unlink()


DOUBLINGS = "".join(f"cel.bind({chr(98 + i)}, {' + '.join([chr(97 + i)] * 8)}, " for i in range(12))
BOMB = f"""\
purpose: A rule that eats memory.
match:
  kind: evaluation
params:
  seed: {"a" * 64}
level: hard
validations:
  - id: eats
    expression: cel.bind(a, params.seed + params.seed, {DOUBLINGS}size(m) > 0{")" * 13}
    message: ate it
    remedy: none
"""
BOMB_TESTS = "cases:\n  - name: eats\n    input: {}\n    expect: pass\n"
FIRST_STEP = {"version": NEXT, "from": "candidate", "to": "staging"}


@dataclass(frozen=True)
class Attack:
    """`stage` is where the engine stands, `legal` the pull request, `edit` the attack; `fast` runs in `make test`."""

    name: str
    stage: str
    legal: Act
    edit: Act
    finding: str
    reason: str
    code: int = 1
    fast: bool = False


GATE = "policies/gates/calibration.yaml"
MERGED = f"registry/engines/{NEXT}"
ATTACKS = [
    Attack(
        "promote without evidence",
        "fresh",
        stage,
        forge(evidence_digest=None),
        "evidence-named/named",
        "carries no evidence",
        fast=True,
    ),
    Attack(
        "evidence that is nowhere", "fresh", stage, forge(evidence_digest="b" * 64), "evidence.missing", "bbbbbbbbbbbb"
    ),
    Attack(
        "another engine's evidence",
        "fresh",
        stage,
        other_evidence,
        "evidence/engine",
        f"about engine {LATER}",
        fast=True,
    ),
    Attack("production's report copied", "fresh", stage, copied_report, "evidence/engine", "other artifacts"),
    Attack(
        "evidence from an older golden set",
        "fresh",
        newer_golden_set,
        older_evidence,
        "evidence/golden-set",
        "another golden set",
    ),
    Attack("a report in other bytes", "fresh", stage, reserialised_report, "evidence.bytes", "canonical"),
    Attack(
        "a hard gate failed, verdict pass",
        "fresh",
        stage,
        changed_report(statuses={"oom-safety/false-safe": "fail"}),
        "evidence/hard",
        "oom-safety/false-safe",
    ),
    Attack(
        "a gate without verdict",
        "fresh",
        stage,
        changed_report(statuses={"calibration/ece": "inconclusive"}),
        "evidence/decided",
        "calibration/ece",
    ),
    Attack(
        "a gate left out of the report",
        "fresh",
        stage,
        changed_report(gates=[{"id": "calibration/ece", "level": "soft", "status": "pass"}]),
        "evidence/judged",
        "oom-safety/false-safe",
    ),
    Attack("a failed verdict", "fresh", stage, changed_report(verdict="fail"), "evidence/verdict", "is fail"),
    Attack(
        "compared with no production",
        "staged",
        start,
        changed_report(against=None),
        "evidence-against-production/compared",
        "evidence.against missing",
        code=4,
    ),
    Attack(
        "skip a stage",
        "fresh",
        stage,
        instead(**FIRST_STEP | {"to": "canary", "fraction": 0.01}),
        "transition.illegal",
        "candidate → canary",
        fast=True,
    ),
    Attack(
        "unknown to production",
        "fresh",
        stage,
        instead(version="9.9.9", to="production", state={"stages": {"9.9.9": "production"}}, **{"from": "none"}),
        "transition.illegal",
        "9.9.9 none → production",
    ),
    Attack(
        "an engine that is not merged",
        "fresh",
        both(new_engine, nothing),
        promote_new,
        "engine.unknown",
        f"the base has no engine {NEW}",
    ),
    Attack(
        "two transitions in one pull request",
        "fresh",
        stage,
        two_steps,
        "one-transition/one",
        "takes 2 steps",
        fast=True,
    ),
    Attack(
        "raise the canary by two steps",
        "canary",
        grow,
        forge(fraction=0.2),
        "canary-steps/next",
        "not 0.2000",
        fast=True,
    ),
    Attack(
        "a fraction between two buckets",
        "canary",
        grow,
        instead(fraction=0.00005, **{"from": "canary"}),
        "transition.illegal",
        "multiple of 1/10000",
    ),
    Attack(
        "start the canary too high", "staged", start, forge(fraction=0.05), "canary-steps/first", "at 0.0100 at most"
    ),
    Attack("before soak", "canary", grow, too_early, "soak-time/soaked", "the canary has run"),
    Attack("feigned soak", "canary", grow, forge(at="2027-01-01T00:00:00Z"), "chain.future", "still to come"),
    Attack(
        "dated before its predecessor", "canary", grow, forge(at="2026-10-01T00:00:00Z"), "chain.time", "before event"
    ),
    Attack(
        "the verdict is inconclusive",
        "canary",
        grow,
        lambda b: b.health(NEXT, generation=3, fraction=0.01, verdict="inconclusive"),
        "canary-health/healthy",
        "is inconclusive",
        fast=True,
    ),
    Attack(
        "the verdict is missing",
        "canary",
        grow,
        remove(health_path(NEXT, 3)),
        "canary-health/healthy",
        "health.verdict missing",
        code=4,
    ),
    Attack(
        "the verdict is stale",
        "canary",
        grow,
        lambda b: b.health(NEXT, generation=3, fraction=0.01, at="2026-11-01T07:00:00Z"),
        "canary-health/fresh",
        "hours old",
    ),
    Attack(
        "the verdict of an earlier step",
        "canary",
        grow,
        replace(health_path(NEXT, 3), '"generation": 3', '"generation": 2'),
        "canary-health/this-step",
        "an earlier step",
    ),
    Attack(
        "a second canary while one runs",
        "canary",
        grow,
        instead(version=LATER, fraction=0.01, **{"from": "staging", "to": "canary"}),
        "transition.illegal",
        f"{NEXT} is in canary already",
    ),
    Attack(
        "release before the last step",
        "canary",
        grow,
        instead(version=NEXT, fraction=None, **{"from": "canary", "to": "production"}),
        "canary-steps/last",
        "not yet at its last step",
    ),
    Attack(
        "a machine makes an engine live",
        "grown",
        release,
        forge(actor="github-actions[bot]"),
        "production-by-people/person",
        "is a bot",
    ),
    Attack(
        "gate threshold edited in the same pull request",
        "fresh",
        stage,
        replace(GATE, "ece_max: 0.1", "ece_max: 0.9"),
        "no-mixing/policies",
        "touches policies/",
        fast=True,
    ),
    Attack(
        "tool/ edited in the same pull request",
        "fresh",
        stage,
        write("tool/extra.py", "x = 1\n"),
        "no-mixing/tool",
        "touches tool/",
    ),
    Attack(
        "the lock edited in the same pull request",
        "fresh",
        stage,
        write("requirements.lock", "evil==1\n"),
        "no-mixing/tool",
        "installed from",
    ),
    Attack(
        "the golden set edited in the same pull request",
        "fresh",
        stage,
        write("evaluation/golden_dataset.jsonl", "{}\n"),
        "no-mixing/evaluation",
        "touches evaluation/",
    ),
    Attack(
        "another engine's report edited in the same pull request",
        "fresh",
        stage,
        write(f"evaluation/reports/{LATER}/more.json", "{}\n"),
        "no-mixing/evaluation",
        "the engine's own reports",
    ),
    Attack(
        "the workflow edited",
        "fresh",
        stage,
        write(".github/workflows/gates.yml", "name: nothing\n"),
        "no-mixing/workflows",
        "touches .github/",
    ),
    Attack(
        "a rule that no reader of rules sees",
        "fresh",
        nothing,
        write("policies/gates/more.yml", "purpose: x\n"),
        "policy.invalid",
        "no policy by its name",
    ),
    Attack(
        "a gate file deleted",
        "fresh",
        nothing,
        remove("policies/gates/oom-safety.yaml", "policies/gates/tests/oom-safety.yaml"),
        "policy.dropped",
        "oom-safety is gone",
        fast=True,
    ),
    Attack(
        "a rule of a hard policy deleted",
        "fresh",
        nothing,
        replace("policies/lifecycle/holds.yaml", "  - id: production\n", "  - id: renamed\n"),
        "policy.dropped",
        "holds/production is gone",
    ),
    Attack(
        "a gate file with a misspelt field",
        "fresh",
        nothing,
        replace(GATE, "report.ece <=", "report.eec <="),
        "policy.invalid",
        "undefined field 'eec'",
    ),
    Attack(
        "a policy that its own tests refuse",
        "fresh",
        nothing,
        replace(GATE, "report.ece <= params.ece_max", "report.ece >= params.ece_max"),
        "policy.tests",
        "expected pass",
    ),
    Attack(
        "a memory bomb in a policy",
        "fresh",
        nothing,
        both(write("policies/gates/bomb.yaml", BOMB), write("policies/gates/tests/bomb.yaml", BOMB_TESTS)),
        "policy.exhausted",
        "policy bomb: an expression wants more than 512 MiB",
    ),
    Attack(
        "a waiver for a hard gate",
        "fresh",
        valid_waiver,
        replace("policies/waivers/w1.yaml", 'gate: "calibration"', 'gate: "oom-safety"'),
        "waivers/soft-gate",
        "oom-safety is a hard gate",
        fast=True,
    ),
    Attack(
        "an expired waiver",
        "fresh",
        valid_waiver,
        replace("policies/waivers/w1.yaml", "2026-11-20T00:", "2026-11-01T01:"),
        "waivers/not-expired",
        "expired",
    ),
    Attack(
        "a waiver for a year",
        "fresh",
        valid_waiver,
        replace("policies/waivers/w1.yaml", "2026-11-20T", "2027-11-20T"),
        "waivers/short",
        "granted for 384 days",
    ),
    Attack(
        "a waiver for other evidence",
        "fresh",
        waived,
        changed_report(statuses={"calibration/ece": "fail"}, verdict="fail", tool_version="1.2.4"),
        "evidence/soft",
        "no waiver covers them for this report",
    ),
    Attack(
        "an old event rewritten",
        "staged",
        start,
        replace(event_path(0), "Start the history", "Start a history"),
        "history.rewritten",
        "is another",
        fast=True,
    ),
    Attack("an event deleted", "canary", grow, remove(event_path(1)), "history.deleted", "is gone"),
    Attack("events reordered", "canary", grow, swap_events, "history.rewritten", "is another"),
    Attack("the whole history deleted", "canary", nothing, drop_history, "history.deleted", "the state is gone"),
    Attack("the chain broken", "fresh", stage, forge(prev_digest="c" * 64), "chain.broken", "another predecessor"),
    Attack(
        "another generation expected",
        "fresh",
        stage,
        forge(expect_generation=7),
        "chain.generation",
        "expects generation 7",
    ),
    Attack(
        "rules that were never in force",
        "fresh",
        stage,
        forge(policy_digest="d" * 64),
        "chain.policy",
        "never in force",
    ),
    Attack(
        "the state changed without an event",
        "fresh",
        nothing,
        replace(STATE, f"{LIVE}: production", f"{NEXT}: production"),
        "state.replay",
        "not what the events give",
        fast=True,
    ),
    Attack(
        "a hold slipped off the state",
        "fresh",
        hold_later,
        replace(STATE, f"holds:\n  - {LATER}\n", "holds: []\n"),
        "state.replay",
        "not what the events give",
    ),
    Attack(
        "an immutable engine file edited",
        "fresh",
        nothing,
        replace(f"{MERGED}/engine.yaml", "rows: 10", "rows: 11"),
        "engine.immutable",
        "immutable",
        fast=True,
    ),
    Attack(
        "an artifact swapped under its name",
        "fresh",
        new_engine,
        replace(f"registry/engines/{NEW}/calibrator.json", "7", "8"),
        "engine.digest",
        "not the file",
    ),
    Attack(
        "a merged artifact swapped",
        "fresh",
        nothing,
        replace(f"registry/engines/{LIVE}/calibrator.json", "0", "9"),
        "engine.digest",
        "not the file",
    ),
    Attack(
        "a stowaway in an engine's folder",
        "fresh",
        new_engine,
        write(f"registry/engines/{NEW}/more.json", "{}"),
        "engine.extra",
        "no artifact",
    ),
    Attack(
        "a pickle as artifact",
        "fresh",
        new_engine,
        artifact("model.json", pickle.dumps({"a": 1})),
        "engine.content",
        "is a pickle",
    ),
    Attack(
        "an archive with a pickle inside",
        "fresh",
        new_engine,
        artifact("model.skops", pickled_archive()),
        "engine.content",
        "holds a pickle (model)",
        fast=True,
    ),
    Attack(
        "an array of pickled objects",
        "fresh",
        new_engine,
        artifact("model.npz", pickled_array()),
        "engine.content",
        "pickled objects",
    ),
    Attack(
        "path traversal in an artifact path",
        "fresh",
        new_engine,
        artifact("model.json", b"{}", path="../../../pyproject.toml"),
        "engine.path",
        "leads out",
    ),
    Attack(
        "a symlink out of the tree",
        "fresh",
        new_engine,
        link(f"registry/engines/{NEW}/calibrator.json", "/etc/hostname"),
        "tree.link",
        "symbolic link",
        fast=True,
    ),
    Attack(
        "the rules behind a link",
        "fresh",
        nothing,
        link("policies/gates/more.yaml", "../../README.md"),
        "tree.link",
        "symbolic link",
    ),
    Attack(
        "a Git LFS pointer in place of an artifact",
        "fresh",
        new_engine,
        artifact("model.json", b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"),
        "tree.pointer",
        "Git LFS pointer",
    ),
    Attack("a submodule in place of an artifact", "fresh", new_engine, submodule, "tree.submodule", "is a submodule"),
    Attack(
        "unreadable state",
        "fresh",
        stage,
        write(STATE, "generation: [1\n"),
        "state.unreadable",
        "not valid YAML",
        fast=True,
    ),
    Attack("an empty state", "fresh", stage, write(STATE, ""), "state.unreadable", "is empty"),
    Attack(
        "an unknown key in the state",
        "fresh",
        stage,
        replace(STATE, "holds: []", "holds: []\nforce: true"),
        "state.unreadable",
        "force",
    ),
    Attack("state in other bytes", "fresh", stage, reserialise(STATE), "state.bytes", "canonical"),
    Attack(
        "an event in other bytes",
        "fresh",
        stage,
        replace(event_path(1), "actor: maria", 'actor: "maria"'),
        "state.bytes",
        "canonical",
    ),
    Attack(
        "state that is not UTF-8",
        "fresh",
        stage,
        write(STATE, b"generation: 1\nholds: [\xff]\n"),
        "tree.encoding",
        "not UTF-8",
    ),
    Attack(
        "rules that are not UTF-8",
        "fresh",
        nothing,
        write(GATE, b"purpose: \xe9t\xe9\n"),
        "policy.invalid",
        "not UTF-8",
    ),
    Attack("an alias bomb as state", "fresh", stage, alias_bomb(STATE), "state.unreadable", "is a YAML alias"),
    Attack(
        "an alias bomb as a policy",
        "fresh",
        nothing,
        alias_bomb("policies/gates/bomb.yaml"),
        "policy.invalid",
        "is a YAML alias",
    ),
    Attack(
        "50 MB of YAML",
        "fresh",
        nothing,
        write("policies/gates/large.yaml", "# " + "x" * 50_000_000 + "\n"),
        "tree.size",
        "50,000,003 bytes",
    ),
    Attack(
        "rollback to a version never live",
        "released",
        rollback,
        instead(version=LATER, fraction=None, **{"from": "staging", "to": "production"}),
        "transition.illegal",
        f"{LATER} staging → production",
    ),
    Attack(
        "rollback that claims another stage",
        "released",
        rollback,
        instead(version=LATER, fraction=None, **{"from": "deprecated", "to": "production"}),
        "transition.illegal",
        "it is in staging",
    ),
    Attack(
        "a case-colliding file name",
        "fresh",
        nothing,
        write("policies/Gates/other.yaml", "a: 1\n"),
        "tree.case",
        "only in case",
    ),
    Attack(
        "a name that leads elsewhere",
        "fresh",
        nothing,
        write("policies/gates/a:b.yaml", "a: 1\n"),
        "tree.name",
        "not every system",
    ),
    Attack(
        "the evidence of a past step removed",
        "staged",
        nothing,
        remove(f"evaluation/reports/{NEXT}/evaluation.json"),
        "evidence.lost",
        "rests on this report",
    ),
    Attack(
        "a stray file among the events",
        "fresh",
        nothing,
        write("registry/engines/events/1.yaml", "a: 1\n"),
        "chain.name",
        "no event's name",
    ),
]
