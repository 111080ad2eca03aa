"""Workflows are clean under the linters, pin an action once, and their summary counts only success."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tool.govern.workflow_rules import SUMMARY_SCRIPT
from tool.tests.conftest import ROOT

FOLDER = ROOT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
TOOLS = Path(sys.executable).parent


def run(*command: str | Path) -> str:
    """Run a tool of the environment; its output is the message when it fails."""
    done = subprocess.run([str(part) for part in command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


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


def test_one_action_has_one_pin() -> None:
    """All workflows pin an action to the same commit, so that an update is one change."""
    pins: dict[str, set[str]] = {}
    for file in FILES:
        for action, commit in re.findall(r"uses: ([\w.-]+/[\w./-]+)@([0-9a-f]{40})", file.read_text()):
            pins.setdefault(action, set()).add(commit)
    assert {action: commits for action, commits in pins.items() if len(commits) > 1} == {}


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
    """The script that the rules demand of every summary passes when all succeeded; skipped is no pass."""
    command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", SUMMARY_SCRIPT]
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
