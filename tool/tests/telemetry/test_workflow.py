"""The retrain workflow, run as a whole by act on this machine, from artifacts to the pull request."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tool.tests.telemetry import gh_stub
from tool.tests.telemetry.fleet import complete, lines, run_id
from tool.tests.telemetry.test_gather import REPOSITORY, ran, zipped
from tool.tests.telemetry.test_ingest import ROOT

WORKFLOW = ".github/workflows/retrain.yml"
ACT = Path(sys.executable).with_name("act")
RUNS = 80
IDENTITY = {
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@b.c",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@b.c",
}


def git(folder: Path, *arguments: str) -> str:
    environment = os.environ | IDENTITY
    done = subprocess.run(["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return done.stdout


def repository(folder: Path) -> Path:
    """A repository like ours whose environment is ready, with a bare one that it is pushed to."""
    root = folder / "repository"
    for name in ("registry", "profiles", "policies", "generated", "evaluation", ".github"):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("engines", "oracle", "__pycache__"))
    for name in ("Makefile", "pyproject.toml", "requirements.lock", ".gitignore"):
        shutil.copy(ROOT / name, root)
    (root / "Makefile").write_text("setup generate:\n\t@true\n")
    (root / ".venv/bin").mkdir(parents=True)
    program = f'#!{sys.executable}\nimport sys\nfrom tool.cli import main\nsys.argv[0] = "ftc"\nmain()\n'
    (root / ".venv/bin/ftc").write_text(program)
    (root / ".venv/bin/ftc").chmod(0o755)
    git(folder, "init", "-q", "--bare", "bare.git")
    git(root, "init", "-q", "-b", "main")
    git(root, "remote", "add", "origin", f"https://github.com/{REPOSITORY}.git")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "Start")
    return root


def stub_actions(folder: Path, root: Path) -> list[str]:
    """Stand-ins for the actions that need a network, as options of act. A checkout copies the repository."""
    options = []
    for step in yaml.safe_load((ROOT / WORKFLOW).read_text())["jobs"]["retrain"]["steps"]:
        action = step.get("uses")
        if action is None:
            continue
        stub = folder / "actions" / action.partition("@")[0].replace("/", "-")
        stub.mkdir(parents=True)
        token = {"outputs": {"token": {"value": "secret-token"}}} if "token" in action else {}
        checkout = f"cp -a {root}/. ." if "checkout" in action else "true"
        runs = {"using": "composite", "steps": [{"run": checkout, "shell": "bash"}]}
        (stub / "action.yml").write_text(yaml.safe_dump({"name": "stub", "description": "stub", **token, "runs": runs}))
        git(stub, "init", "-q")
        git(stub, "add", "-A")
        git(stub, "commit", "-q", "-m", "stub")
        options += ["--local-repository", f"{action}={stub}"]
    return options


def offer_events(folder: Path) -> None:
    """Artifacts of four accounts: enough successes to retrain, a few bad records, and a fork that must not count."""
    runs = [ran(number) for number in range(4)] + [ran(9, head_repository={"full_name": "mallory/models"})]
    gh_stub.answer(folder, f"repos/{REPOSITORY}/actions/workflows/train.yml/runs", {"workflow_runs": runs})
    for number in (0, 1, 2, 3, 9):
        item = {"id": number + 50, "name": "telemetry-x", "size_in_bytes": 9, "expired": False}
        gh_stub.answer(folder, f"repos/{REPOSITORY}/actions/runs/{number}/artifacts", {"artifacts": [item]})
        events = lines(complete(run_id(number, index)) for index in range(RUNS // 4)) + b"not an event\n"
        gh_stub.answer(folder, f"repos/{REPOSITORY}/actions/artifacts/{number + 50}/zip", zipped({"e.jsonl": events}))


@pytest.mark.prove
def test_the_whole_workflow_opens_a_pull_request(tmp_path: Path) -> None:
    """Artifacts in, pull request out: its text says why and on what, its branch holds the candidate and no state."""
    programs = gh_stub.install(tmp_path)
    offer_events(tmp_path)
    root = repository(tmp_path)
    stubs = stub_actions(tmp_path, root)
    bare = tmp_path / "bare.git"
    environment = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{bare.as_uri()}.insteadOf",
        "GIT_CONFIG_VALUE_0": f"https://github.com/{REPOSITORY}.git",
        "HOME": str(tmp_path),
    }
    (tmp_path / "event.json").write_text(json.dumps({"repository": {"full_name": REPOSITORY}}))
    command = [
        str(ACT),
        "workflow_dispatch",
        "-W",
        WORKFLOW,
        "-e",
        str(tmp_path / "event.json"),
        "--pull=false",
    ]
    command += [
        "-P",
        "ubuntu-24.04=-self-hosted",
        "--no-cache-server",
        "-s",
        "PULL_REQUEST_APP_KEY=private-key",
        *stubs,
    ]
    command += [part for name, value in environment.items() for part in ("--env", f"{name}={value}")]
    done = subprocess.run(
        command, cwd=root, env=os.environ | environment, capture_output=True, text=True, check=False, timeout=540
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    told = json.loads((tmp_path / "answers/pull_request.json").read_text())
    assert "new-runs/few" in told["body"]
    assert f"| received | {RUNS + 4} |" in told["body"]
    assert "| quarantined | 4 |" in told["body"]
    changed = git(bare, "diff", "--name-only", "main", told["--head"]) if "main" in git(bare, "branch") else ""
    files = changed or git(bare, "ls-tree", "-r", "--name-only", told["--head"])
    assert "registry/engines/" in files
    assert "registry/engines/state.yaml" not in files
