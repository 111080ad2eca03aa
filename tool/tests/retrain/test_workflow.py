"""The retrain workflow as it stands, run by act: from artifacts to a pull request that the gates judge."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tool.tests.conftest import ROOT
from tool.tests.telemetry.fleet import complete, lines, run_id
from tool.tests.telemetry.test_gather import zipped
from tool.tests.workflows.act import REPOSITORY, Stage, build
from tool.tests.workflows.conftest import NOW, ftc, live_of

pytestmark = pytest.mark.prove
ACCOUNTS, RUNS = 4, 80
SMALL = {
    "groups": [
        {"models": ["Qwen/Qwen2.5-7B"], "tasks": ["chat"], "platforms": ["colab/free"], "adapters": ["lora", "qlora"]}
    ]
}


UNREACHABLE = """purpose: No engine is this good.
match:
  kind: evaluation
level: hard
on_missing: inconclusive
validations:
  - id: nearly-all
    expression: report.within_two_fold >= 0.99
    message: too few are near
    remedy: give up
"""
UNREACHABLE_TESTS = """cases:
  - {name: holds, input: {report: {within_two_fold: 0.995}}, expect: pass}
  - {name: does not, input: {report: {within_two_fold: 0.6}}, expect: fail, reason: too few are near}
  - {name: unknown, input: {report: {within_two_fold: null}}, expect: inconclusive, reason: within_two_fold}
"""


def ground(root: Path) -> None:
    """A small catalogue, and a history that begins with the live engine."""
    live = live_of(root)
    (root / "registry/engines/state.yaml").unlink()
    for event in (root / "registry/engines/events").iterdir():
        event.unlink()
    (root / "profiles/catalog.yaml").write_text(yaml.safe_dump(SMALL))
    ftc(root, "promote", live, "--genesis", "--reason", "Start", "--actor", "maria", "--write", "--no-generate")
    ftc(root, "generate")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = build(tmp_path / "stage", NOW, ground)
    made.later(1)
    yield made
    made.forge.close()


def offer_events(stage: Stage, runs: int = RUNS) -> None:
    """Artifacts of four accounts, each with a bad record; one of a fork, which must not count."""
    for account in range(ACCOUNTS + 1):
        fork = account == ACCOUNTS
        events = [complete(run_id(account, number), at=stage.now) for number in range(runs // ACCOUNTS)]
        run = {
            "id": 100 + account,
            "head_branch": "main",
            "head_repository": {"full_name": "mallory/models" if fork else REPOSITORY},
            "event": "push",
            "conclusion": "success",
            "created_at": stage.now,
            "actor": {"id": 70 + account},
        }
        archive = zipped({"e.jsonl": lines(events) + b"not an event\n"})
        stage.forge.offer("train.yml", run, {f"telemetry-{account}": archive})
    stage.later(1)


def opened(stage: Stage) -> dict[str, Any]:
    """The one pull request that the scheduled workflow opens."""
    ran = stage.schedule("retrain.yml")
    assert ran.ok, ran.log
    (request,) = stage.forge.pulls
    return dict(request)


def changed(stage: Stage, request: dict[str, Any]) -> list[str]:
    stage.git("fetch", "-q", "origin")
    return stage.git("diff", "--name-only", "origin/main", f"origin/{request['head']['ref']}").split()


def test_artifacts_become_a_candidate(stage: Stage) -> None:
    """The text says why and on what; the branch holds engine, report and aggregates, no state; the gates pass."""
    offer_events(stage)
    request = opened(stage)
    version = request["head"]["ref"].removeprefix("engines/candidate-")
    assert request["title"] == f"Add engine {version} as a candidate"
    assert "**Gates: pass.**" in request["body"]
    assert "new-runs/few" in request["body"]
    assert f"| received | {RUNS + ACCOUNTS} |" in request["body"]
    assert f"| quarantined | {ACCOUNTS} |" in request["body"]
    files = changed(stage, request)
    for path in (f"engines/{version}/engine.yaml", f"telemetry/{version}.json"):
        assert f"registry/{path}" in files
    assert f"evaluation/reports/{version}/evaluation.json" in files
    assert "registry/engines/state.yaml" not in files
    judged = stage.pull_request("gates.yml", request["number"])
    assert judged.ok, judged.log + judged.summary
    told = json.loads(stage.git("show", f"origin/{request['head']['ref']}:registry/telemetry/{version}.json"))
    assert "new-runs/few" in told["triggers"]
    assert told["numbers"]["accepted"] == RUNS


def test_too_few_runs_open_nothing(stage: Stage) -> None:
    """The policies say to wait: the workflow ends well, tells the runs, and opens no pull request."""
    offer_events(stage, runs=8)
    ran = stage.schedule("retrain.yml")
    assert ran.ok, ran.log
    assert "Fit and judge a candidate" not in {step for _, step in ran.steps}
    assert stage.forge.pulls == []
    assert "| 8 |" in ran.summary


def test_a_candidate_that_fails_a_gate_is_rejected(stage: Stage) -> None:
    """Under a gate that nothing passes, the pull request brings engine, report and its rejection; the gates pass it."""
    (stage.at_main() / "policies/gates/unreachable.yaml").write_text(UNREACHABLE)
    (stage.clone / "policies/gates/tests/unreachable.yaml").write_text(UNREACHABLE_TESTS)
    stage.push("main", "Ask for more than anybody can")
    offer_events(stage)
    request = opened(stage)
    version = request["head"]["ref"].removeprefix("engines/candidate-")
    assert request["title"] == f"Add engine {version} as a rejected candidate"
    assert "**Gates: fail.** It stays on record as rejected" in request["body"]
    assert "- `unreachable/nearly-all`" in request["body"]
    assert f"evaluation/reports/{version}/evaluation.json" in changed(stage, request)
    judged = stage.pull_request("gates.yml", request["number"])
    assert judged.ok, judged.log + judged.summary
    stage.merge(request["number"])
    state = yaml.safe_load((stage.at_main() / "registry/engines/state.yaml").read_text())
    assert state["stages"][version] == "rejected"
    assert f"reject   {version}" in ftc(stage.clone, "history")
    ftc(stage.clone, "promote", version, "--to", "staging", codes=(1,))


def test_the_action_uploads_what_the_workflow_gathers() -> None:
    """The composite action names its artifact as the workflow looks for it."""
    from tool.telemetry.gather import PREFIX

    action = yaml.safe_load((ROOT / ".github/actions/upload-telemetry/action.yml").read_text())
    (upload,) = [step for step in action["runs"]["steps"] if "upload-artifact" in str(step.get("uses"))]
    assert upload["with"]["name"].startswith(PREFIX)
