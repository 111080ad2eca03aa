"""The whole life of an engine through the very workflow files, run by act against a bare remote and a forge."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from tool.tests.workflows.act import Ran, Stage
from tool.tests.workflows.conftest import BAD, GOOD, live_of
from tool.tests.workflows.traffic import drive

pytestmark = pytest.mark.prove
RUNS = {0.01: 14_000, 0.05: 3_500, 0.2: 1_200}
"""Runs at each step that are enough for a verdict of healthy."""


def state(stage: Stage) -> dict[str, Any]:
    """What stands on main."""
    loaded: dict[str, Any] = yaml.safe_load((stage.at_main() / "registry/engines/state.yaml").read_text())
    return loaded


def opened(stage: Stage, ran: Ran) -> int:
    """The pull request that a run has just opened or updated."""
    assert ran.ok, ran.log
    (number,) = [pull["number"] for pull in stage.forge.pulls if pull["state"] == "open"]
    return int(number)


def judged(stage: Stage, number: int) -> Ran:
    """The gates on a pull request."""
    return stage.pull_request("gates.yml", number)


def comment(stage: Stage, number: int) -> str:
    """The one comment on a pull request."""
    (only,) = stage.forge.comments[number]
    return str(only["body"])


def passes(stage: Stage, number: int) -> str:
    """The gates pass and say so in the one comment; the change is merged. Returns the comment."""
    ran = judged(stage, number)
    assert ran.ok, ran.log + ran.summary
    assert ran.jobs == {"govern": "success", "comment": "success", "gates-passed": "success"}
    told = comment(stage, number)
    assert told.splitlines()[1].startswith("### Governance: ✅ passes"), told
    stage.merge(number)
    return told


def promote(stage: Stage, version: str, to: str) -> str:
    """A person starts the promote workflow, the gates pass, and another merges."""
    stage.later(1)
    inputs = {"version": version, "stage": to, "reason": f"better on code tasks, so on to {to}"}
    return passes(stage, opened(stage, stage.dispatch("promote.yml", inputs)))


def to_canary(stage: Stage) -> None:
    promote(stage, GOOD, "staging")
    promote(stage, GOOD, "canary")


def test_a_whole_life(stage: Stage) -> None:
    """Candidate → staging → canary 1 % → 5 % → 20 % → production by healthy telemetry, then back by a rollback."""
    live = live_of(stage.at_main())
    told = promote(stage, GOOD, "staging")
    assert f"evaluation of {GOOD} against {live}: **pass**" in told
    assert f"then `ftc promote {GOOD} --to canary --write`" in told
    told = promote(stage, GOOD, "canary")
    assert re.search(r"The canary's answers, for 1 % of all keys, .*\*\*[1-9]\d* of \d+\*\* recommendations move", told)
    assert "| `learning_rate` |" in told
    assert state(stage)["canary"]["fraction"] == 0.01
    quiet = stage.schedule("canary.yml")
    assert quiet.ok and f"canary {GOOD}: inconclusive" in quiet.summary, quiet.log
    assert not [pull for pull in stage.forge.pulls if pull["state"] == "open"], "no telemetry opens nothing"
    for fraction, following in ((0.01, 0.05), (0.05, 0.2), (0.2, None)):
        drive(stage, live, GOOD, fraction, RUNS[fraction])
        if following is None:
            stage.later(20)
            drive(stage, live, GOOD, fraction, RUNS[fraction])
        ran = stage.schedule("canary.yml")
        assert f"canary {GOOD}: healthy" in ran.summary, ran.log + ran.summary
        told = passes(stage, opened(stage, ran))
        assert "- telemetry: **healthy**" in told
        assert (state(stage)["canary"] or {"fraction": None})["fraction"] == following
    assert re.search(r"Everybody: \*\*[1-9]\d* of \d+\*\* recommendations move", told), told
    assert state(stage)["stages"] == {GOOD: "production", live: "deprecated"}
    stage.later(5)
    ran = stage.dispatch("rollback.yml", {"reason": "runs go out of memory on T4"})
    told = passes(stage, opened(stage, ran))
    assert f"Roll back to {live}" in told
    assert state(stage)["stages"] == {GOOD: "deprecated", live: "production"}
    titles = [pull["title"] for pull in stage.forge.pulls]
    assert titles == [
        f"Promote {GOOD} to staging",
        f"Start a canary of {GOOD} at 1 %",
        f"Raise the canary {GOOD} to 5 %",
        f"Raise the canary {GOOD} to 20 %",
        f"Promote {GOOD} to production",
        f"Roll back to {live}",
    ]


def test_a_canary_that_fails_is_aborted(stage: Stage) -> None:
    """Five times the OOM rate: the scheduled run opens the abort, the gates pass it, and the canary is in staging."""
    live = live_of(stage.at_main())
    to_canary(stage)
    drive(stage, live, GOOD, 0.01, RUNS[0.01], canary_oom=0.3)
    ran = stage.schedule("canary.yml")
    number = opened(stage, ran)
    assert stage.forge.pull(number)["title"] == f"Abort the canary {GOOD}"
    assert "- oom: production" in stage.forge.pull(number)["body"]
    passes(stage, number)
    assert state(stage)["canary"] is None
    assert state(stage)["stages"][GOOD] == "staging"


def test_a_bad_candidate_is_rejected(stage: Stage) -> None:
    """Its report fails, so that promoting it fails and says why; rejecting it passes, and it stays rejected."""
    refused = stage.dispatch("promote.yml", {"version": BAD, "stage": "staging", "reason": "hope"})
    assert refused.jobs == {"prepare": "failure"}
    assert "[evidence/hard] hard gates failed" in refused.summary
    assert not stage.forge.pulls
    told = promote(stage, BAD, "rejected")
    assert "always allowed" in told
    assert state(stage)["stages"][BAD] == "rejected"
    again = stage.dispatch("promote.yml", {"version": BAD, "stage": "staging", "reason": "hope"})
    assert again.jobs == {"prepare": "failure"}


def test_two_promotions_race(stage: Stage) -> None:
    """Both come from one generation: once one is merged, the other's gates ask to prepare it again, which works."""
    stage.dispatch("promote.yml", {"version": GOOD, "stage": "staging", "reason": "better"})
    stage.dispatch("promote.yml", {"version": BAD, "stage": "rejected", "reason": "overconfident"})
    first, second = (pull["number"] for pull in stage.forge.pulls)
    passes(stage, second)
    stage.git("switch", "-q", "--detach", f"origin/{stage.forge.pull(first)['head']['ref']}")
    ran = stage.pull_request("gates.yml", first, merge=False)
    assert ran.jobs["gates-passed"] == "failure"
    assert "the base moved: prepare the step again" in comment(stage, first)
    stage.forge.pull(first)["state"] = "closed"
    promote(stage, GOOD, "staging")
    assert state(stage)["stages"] == {live_of(stage.clone): "production", GOOD: "staging", BAD: "rejected"}


def test_the_bots_branch_is_used_again(stage: Stage) -> None:
    """The same step prepared again updates its branch and its one pull request; a person's commit there is kept."""
    inputs = {"version": GOOD, "stage": "staging", "reason": "better"}
    number = opened(stage, stage.dispatch("promote.yml", inputs))
    branch = stage.forge.pull(number)["head"]["ref"]
    before = stage.head(branch)
    stage.later(1)
    assert opened(stage, stage.dispatch("promote.yml", inputs | {"reason": "better on code"})) == number
    assert stage.head(branch) != before
    assert "reason: better on code" in stage.forge.pull(number)["body"]
    stage.git("switch", "-q", "-C", branch, f"origin/{branch}")
    (stage.clone / "NOTE.md").write_text("a person's work\n")
    stage.push(branch, "A person's commit")
    kept = stage.head(branch)
    ran = stage.dispatch("promote.yml", inputs)
    assert ran.jobs == {"prepare": "failure"}
    assert "ends with a commit by maria@example.org" in ran.log
    assert stage.head(branch) == kept


def test_a_forged_verdict_is_refused(stage: Stage) -> None:
    """A report in the right form that calls the canary healthy against its telemetry does not pass the gates."""
    live = live_of(stage.at_main())
    to_canary(stage)
    drive(stage, live, GOOD, 0.01, 600)
    ran = stage.schedule("canary.yml")
    assert ran.ok and f"canary {GOOD}: inconclusive" in ran.summary, ran.log
    root = stage.at_main()
    number = forge_health(stage, live, runs_canary=200)
    ran = judged(stage, number)
    assert ran.jobs["gates-passed"] == "failure"
    told = comment(stage, number)
    assert "health.forged" in told
    assert "says verdict healthy, but the telemetry gives inconclusive" in told
    assert root == stage.clone


def forge_health(stage: Stage, live: str, runs_canary: int) -> int:
    """Raise the canary by hand on a verdict that nobody gave; the pull request."""
    from tool.govern.evidence import engine_digest_of, health_path
    from tool.govern.sides import FOLDERS, KEEP
    from tool.govern.tree import read_tree
    from tool.govern.yardstick import yardstick
    from tool.policy.digests import canonical_json
    from tool.tests.workflows.conftest import ftc

    root = stage.at_main()
    files = read_tree(root, FOLDERS, KEEP)
    generation = yaml.safe_load((root / "registry/engines/state.yaml").read_text())["generation"]
    report = {
        "format": "ftc-health/1",
        "engine": GOOD,
        "engine_digest": engine_digest_of(files, GOOD),
        "production": live,
        "generation": generation,
        "fraction": 0.01,
        "evaluation_digest": None,
        "telemetry_digest": "a" * 64,
        "policies_digest": yardstick(files).policy_digest,
        "tool_version": "2026.11.0",
        "runs_production": 9000,
        "runs_canary": runs_canary,
        "at": stage.now,
        "verdict": "healthy",
        "comparisons": [],
    }
    (root / health_path(GOOD, generation)).write_bytes(canonical_json(report))
    step = ("canary", "set", "0.05", "--actor", "mallory", "--reason", "trust me", "--now", stage.now, "--write")
    told = json.loads(ftc(root, *step, "--output", "json"))
    stage.push(str(told["branch"]), str(told["title"]))
    return stage.open(str(told["branch"]), str(told["title"]))
