"""Workflows are safe, well-formed, pinned, and their summary job counts only success."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tool.tests.conftest import ROOT

FOLDER = ROOT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
TOOLS = Path(sys.executable).parent
PINNED = re.compile(r"^\s*(?:- )?uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+(\.\d+)*$")


def run(*command: str | Path) -> str:
    """Run a tool of the environment; its output is the message when it fails."""
    done = subprocess.run([str(part) for part in command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def workflow(name: str) -> dict[Any, Any]:
    loaded: dict[Any, Any] = yaml.safe_load((FOLDER / name).read_text())
    return loaded


def test_zizmor_finds_nothing() -> None:
    """The strictest persona of the security linter has no finding in any workflow."""
    run(
        TOOLS / "zizmor", "--offline", "--no-progress", "--persona", "pedantic", FOLDER, ROOT / ".github/dependabot.yml"
    )


def test_actionlint_finds_nothing() -> None:
    """Every workflow is well-formed, expressions included."""
    run(TOOLS / "actionlint", *FILES)


def test_workflows_match_their_schema() -> None:
    """Every workflow matches GitHub's published schema, and so does the updater's configuration."""
    run(TOOLS / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *FILES)
    run(TOOLS / "check-jsonschema", "--builtin-schema", "vendor.dependabot", ROOT / ".github/dependabot.yml")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_actions_are_pinned_to_a_commit_with_its_tag(file: Path) -> None:
    """Each action of another repository is pinned to a full commit, with the tag beside it for people."""
    uses = [line for line in file.read_text().splitlines() if re.match(r"^\s*(?:- )?uses: (?!\./)", line)]
    assert [line for line in uses if not PINNED.match(line)] == []


def test_one_action_has_one_pin() -> None:
    """All workflows pin an action to the same commit, so that an update is one change."""
    pins: dict[str, set[str]] = {}
    for file in FILES:
        for action, commit in re.findall(r"uses: ([\w.-]+/[\w./-]+)@([0-9a-f]{40})", file.read_text()):
            pins.setdefault(action, set()).add(commit)
    assert {action: commits for action, commits in pins.items() if len(commits) > 1} == {}


def test_the_pull_request_workflow_cannot_write() -> None:
    """Changes are judged with a token that reads at most, and no step keeps credentials."""
    loaded = workflow("pull-request.yml")
    assert loaded["permissions"] == {}
    for job in loaded["jobs"].values():
        assert set(job["permissions"].values()) <= {"read"}
        for step in job["steps"]:
            if str(step.get("uses", "")).startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


def test_the_pull_request_workflow_runs_in_the_merge_queue_too() -> None:
    """The same checks judge the pull request and the merged result. YAML 1.1 reads the key `on` as true."""
    assert set(workflow("pull-request.yml")[True]) == {"pull_request", "merge_group"}


def test_the_summary_waits_for_every_other_job_and_always_runs() -> None:
    """One required check stands for all: it needs each other job and runs whatever became of them."""
    jobs = workflow("pull-request.yml")["jobs"]
    summary = jobs["all-passed"]
    assert set(summary["needs"]) == set(jobs) - {"all-passed"}
    assert summary["if"] == "always()"


@pytest.mark.parametrize(
    ("results", "passes"),
    [
        ("success success success", True),
        ("success skipped success", False),
        ("success failure success", False),
        ("success success cancelled", False),
    ],
)
def test_only_success_counts(results: str, passes: bool) -> None:
    """The very script of the summary job passes when all succeeded, and fails on skipped, failed and cancelled."""
    (step,) = workflow("pull-request.yml")["jobs"]["all-passed"]["steps"]
    assert step["env"] == {"RESULTS": "${{ join(needs.*.result, ' ') }}"}
    command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]]
    done = subprocess.run(command, env={"RESULTS": results, "PATH": "/usr/bin:/bin"}, capture_output=True, check=False)
    assert (done.returncode == 0) is passes


def test_local_hooks_call_what_ci_runs() -> None:
    """The pre-commit hooks are valid, need no network and call the programs of the environment."""
    run(TOOLS / "pre-commit", "validate-config", ROOT / ".pre-commit-config.yaml")
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    hooks = [hook for repo in config["repos"] for hook in repo["hooks"]]
    assert {repo["repo"] for repo in config["repos"]} == {"local"}
    assert all(hook["language"] == "system" and hook["entry"].startswith(".venv/bin/") for hook in hooks)
    entries = {hook["entry"] for hook in hooks}
    assert {".venv/bin/ftc validate", ".venv/bin/ftc generate --check"} <= entries
