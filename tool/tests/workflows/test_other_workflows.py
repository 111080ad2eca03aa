"""Every other workflow file, run: what a pull request must pass, what goes stale, and the weekly proof."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tool.govern.workflow_rules import read_workflows
from tool.tests.workflows.act import ROOT, Stage
from tool.tests.workflows.conftest import QUICK, QUICK_TESTS

pytestmark = pytest.mark.prove
WAIVER = """\
gate: latency
reason: the runner of that week was slow
approver: maria
issue: '#12'
evidence_digest: {digest}
granted: '2030-05-20T00:00:00Z'
expires: '2030-06-03T00:00:00Z'
"""
SCHEDULED = sorted(name for name, text in read_workflows(ROOT).items() if "schedule:" in text)


def change(stage: Stage, path: str, text: str, branch: str = "a-change") -> int:
    """A pull request that writes one file."""
    root = stage.at_main()
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)
    stage.push(branch, "A change")
    return stage.open(branch)


def test_a_sound_change_passes_every_check(stage: Stage) -> None:
    """All jobs of both required workflows succeed, on the pull request and in the merge queue; one comment says so."""
    number = change(stage, "NOTE.md", "a word\n")
    ran = stage.pull_request("pull-request.yml", number)
    assert ran.ok, ran.log
    assert set(ran.jobs) == {"validate", "drift", "evaluate", "tests", "all-passed"}
    ran = stage.pull_request("gates.yml", number)
    assert ran.ok, ran.log
    (only,) = stage.forge.comments[number]
    assert "### Governance: ✅ passes" in only["body"]
    assert f"Head: {stage.head('a-change')}" in only["body"]
    queued = stage.merge_group("gates.yml", number)
    assert queued.jobs == {"govern": "success", "gates-passed": "success"}, queued.log
    assert len(stage.forge.comments[number]) == 1


def test_a_broken_change_is_stopped_by_the_summary(stage: Stage) -> None:
    """A failing test and a hand-edited output: their jobs fail, and so does the one that the ruleset requires."""
    root = stage.at_main()
    (root / QUICK).write_text(QUICK_TESTS.replace('"""Passes."""\n\n\n', '"""Fails."""\n    assert not "this"\n\n\n'))
    (output,) = sorted((root / "generated").glob("priors.yaml"))
    output.write_text(output.read_text() + "# a word\n")
    stage.push("broken", "A broken change")
    ran = stage.pull_request("pull-request.yml", stage.open("broken"))
    assert ran.jobs["tests"] == "failure", ran.log
    assert ran.jobs["drift"] == "failure"
    assert ran.jobs["validate"] == "success"
    assert ran.jobs["all-passed"] == "failure"


def test_a_fork_is_judged_but_not_commented_on(stage: Stage) -> None:
    """The token of a fork's pull request cannot comment: the verdict is in the job summary, and the gates decide."""
    number = change(stage, "NOTE.md", "a word\n")
    stage.forge.pull(number)["head"]["from"] = "mallory/models"
    ran = stage.pull_request("gates.yml", number)
    assert ran.jobs == {"govern": "success", "gates-passed": "success"}, ran.log
    assert "### Governance: ✅ passes" in ran.summary
    assert not stage.forge.comments


def test_a_change_that_brings_its_own_judge_is_judged_by_the_base(stage: Stage) -> None:
    """The change's program says that all is well; the base's program finds the edited history, and blocks."""
    root = stage.at_main()
    event = root / "registry/engines/events/0000.yaml"
    event.write_text(event.read_text() + "# a word\n")
    verify = root / "tool/govern/verify.py"
    verify.write_text(
        verify.read_text().replace("findings = form(", "return None  # type: ignore\n    findings = form(")
    )
    stage.push("judge", "My own judge")
    number = stage.open("judge")
    ran = stage.pull_request("gates.yml", number)
    assert ran.jobs["gates-passed"] == "failure"
    (only,) = stage.forge.comments[number]
    assert "⛔ blocked" in only["body"]
    assert "history.rewritten" in only["body"]


def _ran(stage: Stage, workflow: str, days: int) -> None:
    """A workflow that succeeded on its schedule some days ago."""
    told: dict[str, Any] = {"head_branch": "main", "event": "schedule", "conclusion": "success"}
    stage.forge.offer(workflow, {"id": 1, "created_at": f"2030-05-{31 - days:02}T00:00:00Z", **told})


def test_freshness_tells_what_went_stale(stage: Stage) -> None:
    """All schedules alive: it passes. Weeks later it names each that died, and the waiver that ends."""
    for name in ("train.yml", *SCHEDULED):
        _ran(stage, name, 1)
    ran = stage.schedule("freshness.yml")
    assert ran.ok, ran.log
    (stage.at_main() / "policies/waivers/slow.yaml").write_text(WAIVER.format(digest="a" * 64))
    stage.push("waiver", "A waiver")
    stage.merge(stage.open("waiver"))
    stage.later(60 * 24)
    ran = stage.schedule("freshness.yml")
    assert ran.jobs == {"look": "failure"}
    assert "waiver slow for latency: " in ran.summary
    for name in ("train.yml", *SCHEDULED):
        assert (f"{name}: no success within" in ran.summary) is (name != "freshness.yml")


def test_the_weekly_proof_runs_the_slow_tests(stage: Stage) -> None:
    """`make prove` on one file: the slow test of it is run, the fast one is not."""
    ran = stage.schedule("prove.yml")
    assert ran.ok, ran.log
    assert "1 passed, 1 deselected" in ran.log


def test_the_notebooks_are_trained(stage: Stage) -> None:
    """`make test-notebooks` narrowed to one slow test: it is run, and decides."""
    for name in re.findall(r"\.[a-z]+-venv", (stage.at_main() / "Makefile").read_text()):
        stage.environments[name] = stage.environments[".venv"]
    stage.environment["PYTEST_ADDOPTS"] = f"-n 0 --color=no -k test_slow {QUICK}"
    ran = stage.schedule("notebooks.yml")
    assert ran.ok, ran.log
    assert "1 passed" in ran.log


def test_the_page_is_published(stage: Stage) -> None:
    """What is deployed is generated/ as it is on main, with a way in, and knows whose it is."""
    ran = stage.dispatch("pages.yml")
    assert ran.ok, ran.log
    deployed = stage.artifacts / "deployed"
    assert "url=site/" in (deployed / "index.html").read_text()
    assert "acme/models" in (deployed / "site/repository.js").read_text()
    main = stage.at_main() / "generated"
    kept = {path.relative_to(main) for path in main.rglob("*") if path.is_file()}
    assert {path.relative_to(deployed) for path in deployed.rglob("*") if path.is_file()} >= kept
