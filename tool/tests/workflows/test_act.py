"""The harness itself: what it does not know is an error, and a token may do no more than the jobs say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tool.tests.workflows.act import ROOT, permissions, read_log, stub_actions

SHA = "0" * 40


def workflow(uses: str, **inputs: str) -> str:
    step = {"uses": uses, "with": inputs}
    return yaml.safe_dump({"jobs": {"a": {"permissions": {"contents": "read"}, "steps": [step]}}})


def test_an_unknown_action_is_an_error(tmp_path: Path) -> None:
    """No action is silently left out: the stand-in must be written first."""
    with pytest.raises(AssertionError, match="no stand-in for acme/deploy"):
        stub_actions(tmp_path, ROOT, workflow(f"acme/deploy@{SHA}"))


def test_an_unknown_input_is_an_error(tmp_path: Path) -> None:
    """An input that the stand-in ignores would prove nothing."""
    with pytest.raises(AssertionError, match=r"does not know \['lfs'\]"):
        stub_actions(tmp_path, ROOT, workflow(f"actions/checkout@{SHA}", lfs="true"))


def test_local_actions_bring_theirs(tmp_path: Path) -> None:
    """The actions inside a local action get stand-ins too."""
    found = stub_actions(tmp_path, ROOT, "jobs:\n  a:\n    steps:\n      - uses: ./.github/actions/upload-telemetry\n")
    assert [name.partition("@")[0] for name in found] == ["actions/upload-artifact"]


def test_the_token_may_do_what_the_jobs_name() -> None:
    """Nothing is granted by default, and who may write may read."""
    text = yaml.safe_dump({"permissions": {}, "jobs": {"a": {"permissions": {"pull-requests": "write"}}, "b": {}}})
    assert permissions(text) == {"pull-requests:write", "pull-requests:read"}


def test_the_log_tells_jobs_and_steps() -> None:
    """Results, summaries and output are told apart; a line that is no JSON is kept."""
    lines = [
        {"jobID": "a", "stage": "Main", "step": "Build", "stepID": ["0"], "stepResult": "success", "msg": "done"},
        {"jobID": "a", "stage": "Post", "step": "Build", "stepID": ["0"], "stepResult": "failure", "msg": "done"},
        {"jobID": "a", "command": "summary", "content": "all well\n", "msg": "x"},
        {"jobID": "a", "raw_output": True, "msg": "hello\n"},
        {"jobID": "a", "jobResult": "success", "msg": "Job succeeded"},
    ]
    ran = read_log(0, "\n".join(json.dumps(line) for line in lines) + "\nError: x")
    assert (ran.ok, ran.jobs, ran.steps) == (True, {"a": "success"}, {("a", "Build"): "success"})
    assert ran.summary == "all well\n"
    assert "hello" in ran.log
    assert "Error: x" in ran.log
