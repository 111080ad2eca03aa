"""The scripts of the canary and freshness workflows, run as they stand, from telemetry to the pull request."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tool.tests.conftest import ROOT
from tool.tests.govern.workbench import NEXT, Workbench
from tool.tests.rollout.test_verdict import HOURS, runs
from tool.tests.telemetry import gh_stub
from tool.tests.telemetry.fleet import put

REPOSITORY = "acme/models"
PROGRAM = """#!{python}
import sys
from tool.cli import main
sys.argv[0] = "ftc"
if "gather" in sys.argv:
    sys.exit(0)
sys.argv += ["--now", "{now}"] + (["--no-generate"] if "--actor" in sys.argv else [])
main()
"""


@dataclass
class Runner:
    """Runs steps of a workflow with bash as the forge's runner does; the clock of `ftc` stands still."""

    root: Path
    temp: Path
    environment: dict[str, str]
    outputs: dict[str, str] = field(default_factory=dict)

    def step(self, workflow: str, name: str, **environment: str) -> int:
        """Run one step; its outputs are added to `outputs`."""
        jobs = yaml.safe_load((ROOT / ".github/workflows" / workflow).read_text())["jobs"]
        (script,) = (step["run"] for job in jobs.values() for step in job["steps"] if step.get("name") == name)
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script],
            cwd=self.root,
            env=os.environ | self.environment | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        (self.temp / "log").open("a").write(done.stdout + done.stderr)
        if (self.temp / "output").exists():
            self.outputs |= dict(line.split("=", 1) for line in (self.temp / "output").read_text().splitlines())
        return done.returncode

    def log(self) -> str:
        return (self.temp / "log").read_text()

    def summary(self) -> str:
        return (self.temp / "summary").read_text()


def runner(folder: Path, root: Path, remote: Path, now: str) -> Runner:
    """A runner in a clone, with `ftc` at a fixed time, a stand-in for `gh`, and pushes that go to the bare remote."""
    programs, temp = gh_stub.install(folder), folder / "runner"
    temp.mkdir()
    (root / ".venv/bin").mkdir(parents=True, exist_ok=True)
    (root / ".venv/bin/ftc").write_text(PROGRAM.format(python=sys.executable, now=now))
    (root / ".venv/bin/ftc").chmod(0o755)
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "RUNNER_TEMP": str(temp),
        "GITHUB_OUTPUT": str(temp / "output"),
        "GITHUB_STEP_SUMMARY": str(temp / "summary"),
        "REPOSITORY": REPOSITORY,
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{remote.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": f"https://github.com/{REPOSITORY}.git",
        "HOME": str(folder),
        "GH_TOKEN": "token",
    }
    return Runner(root, temp, environment)


def judged(bench: Workbench, folder: Path, hours: float, **changes: Any) -> Runner:
    """The canary workflow up to the verdict, so many hours after the canary began."""
    bench.write("generated/README.md", "outputs\n")
    bench.merge("Start a canary")
    events = runs(bench, **changes)
    now = (bench.now + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")
    made = runner(folder / "run", bench.root, bench.remote, now)
    put(made.temp / "events/1/e.jsonl", events)
    for name in (
        "See whether a canary runs",
        "Gather the events of runs on main, outside the checkout",
        "Judge the canary",
    ):
        assert made.step("canary.yml", name, WORKFLOW="train.yml") == 0, made.log()
    assert made.outputs["canary"] == NEXT
    return made


def opened(made: Runner, verdict: str) -> dict[str, str]:
    """The pull request that the last steps open."""
    prepare, publish = "Prepare the step that follows from it", "Open the pull request"
    assert made.step("canary.yml", prepare, VERDICT=verdict) == 0, made.log()
    assert made.outputs["prepared"] == "true"
    assert made.step("canary.yml", publish, VERSION=NEXT) == 0, made.log()
    told: dict[str, str] = json.loads((made.temp.parent / "answers/pull_request.json").read_text())
    return told


def test_a_healthy_canary_gets_a_pull_request_for_its_next_step(bench: Workbench, tmp_path: Path) -> None:
    """The branch holds the step and the verdict that it rests on, passes `ftc verify`, and the numbers are told."""
    made = judged(bench, tmp_path, HOURS + 1)
    assert made.outputs["verdict"] == "healthy"
    told = opened(made, "healthy")
    assert told["--title"] == f"Raise the canary {NEXT} to 50 %"
    assert "- oom: production 0.0" in told["body"]
    files = bench.git("diff", "--name-only", "origin/main", "HEAD").split()
    assert [name for name in files if "health-" in name]
    assert "registry/engines/state.yaml" in files
    assert told["--head"] in bench.git("ls-remote", "--heads", "origin")


def test_an_unhealthy_canary_gets_a_pull_request_for_its_abort(bench: Workbench, tmp_path: Path) -> None:
    """Five times the OOM rate: the pull request takes the canary back to staging."""
    made = judged(bench, tmp_path, HOURS + 1, canary_oom=0.1)
    assert made.outputs["verdict"] == "unhealthy"
    assert opened(made, "unhealthy")["--title"] == f"Abort the canary {NEXT}"


def test_a_healthy_canary_that_has_not_soaked_waits(bench: Workbench, tmp_path: Path) -> None:
    """The rules want ten days at each step: nothing is prepared, and the summary says what is missing."""
    bench.replace("policies/rollout/soak-time.yaml", "raise_hours: 24.0", "raise_hours: 240.0")
    made = judged(bench, tmp_path, HOURS + 1)
    assert made.step("canary.yml", "Prepare the step that follows from it", VERDICT="healthy") == 0, made.log()
    assert "prepared" not in made.outputs
    assert "not yet:\n- the canary has run 41.0 hours at this fraction" in made.summary()


@pytest.mark.parametrize(("days", "code"), [(0, 0), (30, 1)])
def test_schedules_that_died_are_told(tmp_path: Path, days: int, code: int) -> None:
    """Workflows that succeeded just now pass; after a month without success the look fails and names them."""
    (tmp_path / "root").mkdir()
    made = runner(tmp_path / "run", tmp_path / "root", tmp_path, "2026-11-20T00:00:00Z")
    last = (datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
    for name in ("train.yml", "canary.yml", "retrain.yml", "prove.yml"):
        path = f"repos/{REPOSITORY}/actions/workflows/{name}/runs"
        gh_stub.answer(made.temp.parent, path, {"workflow_runs": [{"created_at": last}]})
    name = "Telemetry and schedules that have not run for too long"
    assert made.step("freshness.yml", name, TELEMETRY="train.yml") == code, made.log()
    if code:
        assert [name in made.summary() for name in ("train.yml", "canary.yml", "prove.yml")] == [True] * 3
