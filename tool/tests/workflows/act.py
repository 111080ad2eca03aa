"""Run a workflow file as it stands with `act` on this machine, against a bare remote and a contract server.

    stage = build(tmp_path, now="2026-12-01T00:00:00Z")          # this checkout's files as `main` of a bare remote
    ran = stage.dispatch("promote.yml", {"version": "2026.12.0", "stage": "staging", "reason": "better"})
    assert ran.ok, ran.log
    (request,) = stage.forge.pulls                                # what the workflow opened
    assert stage.pull_request("gates.yml", request["number"]).jobs["gates-passed"] == "success"
    stage.merge(request["number"])                                # squash, at the stage's time
    stage.later(hours=25)

`dispatch` and `schedule` run the file of `main`; `pull_request` and `merge_group` that of the merge commit, as the
forge does. Nothing is installed and nothing leaves the machine: checkout, setup-python, artifacts, the app's token and
pages are the stand-ins of `stubs.py` (an action or an input that they do not know is an error), the REST interface is
`forge_server.py`, pushes to https://github.com/acme/models.git land in the bare remote, `ftc` and git read the time
from the stage, and each checkout's `.venv` shares the packages of the one that runs the tests while `tool` is its own.

Options: `variables` and `secrets` of the repository, `environment` of every step (for example PYTEST_ADDOPTS to give
`make prove` a tiny target), `environments` to lend further ones ({".notebook-venv": folder}), `edit` to change the
files that `main` starts with. `ran.jobs` holds each job's result (a job that was skipped is not in it), `ran.steps`
each step's, `ran.summary` what was written to the job summary; `stage.artifacts` is where artifacts land.
A run starts in 0.1 s; what takes time is what the workflow does, so mark such tests `prove`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from tool.schema.state import TIME_FORMAT, parse_time
from tool.tests.workflows import stubs
from tool.tests.workflows.forge_server import ForgeServer

ROOT = Path(__file__).resolve().parents[3]
REPOSITORY = "acme/models"
ACT = Path(sys.executable).with_name("act")
USES = re.compile(r"uses: ([\w.-]+/[\w.-]+)((?:/[\w.-]+)*)@([0-9a-f]{40})")
JOB_TOKEN = "job-token"
TIMEOUT_SECONDS = 1800


@dataclass
class Ran:
    """What became of a run: results are `success` or `failure` by job, and by (job, step)."""

    code: int
    jobs: dict[str, str] = field(default_factory=dict)
    steps: dict[tuple[str, str], str] = field(default_factory=dict)
    summary: str = ""
    log: str = ""

    @property
    def ok(self) -> bool:
        return self.code == 0 and set(self.jobs.values()) == {"success"}


@dataclass
class Stage:
    """A repository on a forge of its own. `now` is the time of everything that runs."""

    folder: Path
    forge: ForgeServer
    now: str
    variables: dict[str, str] = field(default_factory=lambda: {"PULL_REQUEST_APP_ID": "1"})
    secrets: dict[str, str] = field(default_factory=lambda: {"PULL_REQUEST_APP_KEY": "key"})
    environment: dict[str, str] = field(default_factory=dict)
    environments: dict[str, str] = field(default_factory=lambda: {".venv": sys.prefix})
    runs: int = 0

    @property
    def remote(self) -> Path:
        return self.folder / "remote.git"

    @property
    def clone(self) -> Path:
        """A clone to prepare branches in, as a person would."""
        return self.folder / "clone"

    @property
    def artifacts(self) -> Path:
        """Artifacts of the last run, a folder each."""
        return self.folder / "runs" / str(self.runs) / "artifacts"

    # the repository ---------------------------------------------------------------------------------------------------

    def git(self, *arguments: str) -> str:
        """Run git in the clone, at the stage's time; fail loudly."""
        done = subprocess.run(
            ["git", *arguments], cwd=self.clone, env=self._environment(), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"git {arguments}: {done.stderr}"
        return done.stdout.strip()

    def later(self, hours: float) -> None:
        self.now = (parse_time(self.now) + timedelta(hours=hours)).strftime(TIME_FORMAT)

    def push(self, branch: str, message: str) -> None:
        """Commit what the clone holds to a branch and push it."""
        self.git("switch", "-q", "-C", branch)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        self.git("push", "-q", "--force", "origin", f"HEAD:refs/heads/{branch}")

    def at_main(self) -> Path:
        """Bring the clone to the present main; its folder."""
        self.git("fetch", "-q", "origin")
        self.git("switch", "-q", "--discard-changes", "-C", "main", "origin/main")
        self.git("clean", "-fdq")
        return self.clone

    def open(self, branch: str, title: str = "A change") -> int:
        """Open a pull request as a person does; its number."""
        return int(self.forge.open_pull(branch, title)["number"])

    def merge(self, number: int) -> None:
        """Squash a pull request into main. Raises AssertionError when it does not merge cleanly."""
        pull = self.forge.pull(number)
        self.at_main()
        self.git("merge", "-q", "--squash", f"origin/{pull['head']['ref']}")
        self.git("commit", "-q", "-m", pull["title"])
        self.git("push", "-q", "origin", "HEAD:refs/heads/main")
        pull["state"] = "closed"

    def copy(self, folder: Path) -> Stage:
        """The same repository on a forge of its own, for another course of events. Close its `forge` as well."""
        folder = folder.resolve()
        shutil.copytree(self.folder, folder, symlinks=True, ignore=shutil.ignore_patterns("runs"), dirs_exist_ok=True)
        copied = replace(self, folder=folder, forge=ForgeServer(REPOSITORY), environment=dict(self.environment))
        copied.forge.remember(self.forge)
        return copied

    def head(self, branch: str) -> str:
        self.git("fetch", "-q", "origin")
        return self.git("rev-parse", f"origin/{branch}")

    # runs -------------------------------------------------------------------------------------------------------------

    def dispatch(self, workflow: str, inputs: dict[str, Any] | None = None, actor: str = "maria") -> Ran:
        """Start a workflow by hand on main."""
        return self._run(workflow, "workflow_dispatch", {"inputs": inputs or {}}, "refs/heads/main", actor)

    def schedule(self, workflow: str) -> Ran:
        return self._run(workflow, "schedule", {}, "refs/heads/main", "clock")

    def pull_request(self, workflow: str, number: int, merge: bool = True) -> Ran:
        """Run a workflow on a pull request: on the merge of its head into the present main.

        Without `merge` on the head itself, for one that conflicts with main, of which the forge makes no merge.
        """
        pull = self.forge.pull(number)
        base, head = self.head("main"), self.head(pull["head"]["ref"])
        payload = {
            "action": "synchronize",
            "number": number,
            "pull_request": {
                "number": number,
                "base": {"sha": base, "ref": "main", "repo": {"full_name": REPOSITORY}},
                "head": {"sha": head, "ref": pull["head"]["ref"], "repo": {"full_name": pull["head"]["from"]}},
            },
        }
        ref = f"refs/pull/{number}/{'merge' if merge else 'head'}"
        if merge:
            self._merged(base, head, ref)
        else:
            self.git("push", "-q", "--force", "origin", f"{head}:{ref}")
        return self._run(workflow, "pull_request", payload, ref, "maria")

    def merge_group(self, workflow: str, number: int) -> Ran:
        """Run a workflow on the merge queue's commit for a pull request."""
        base, head = self.head("main"), self.head(self.forge.pull(number)["head"]["ref"])
        ref = f"refs/heads/gh-readonly-queue/main/pr-{number}"
        commit = self._merged(base, head, ref)
        payload = {"action": "checks_requested", "merge_group": {"base_sha": base, "head_sha": commit, "head_ref": ref}}
        return self._run(workflow, "merge_group", payload, ref, "queue")

    def _merged(self, base: str, head: str, ref: str) -> str:
        """The merge commit that the forge makes for a pull request."""
        self.git("switch", "-q", "--discard-changes", "--detach", base)
        self.git("merge", "-q", "--no-ff", "-m", "Merge", head)
        commit = self.git("rev-parse", "HEAD")
        self.git("push", "-q", "--force", "origin", f"HEAD:{ref}")
        return commit

    def _environment(self) -> dict[str, str]:
        """What every step and every git command sees."""
        return {
            "PATH": f"{self.folder / 'bin'}:/usr/bin:/bin",
            "HOME": str(self.folder / "home"),
            "LC_ALL": "C.UTF-8",
            "FTC_NOW": self.now,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_DATE": self.now,
            "GIT_COMMITTER_DATE": self.now,
            "GIT_CONFIG_COUNT": "3",
            "GIT_CONFIG_KEY_0": f"url.{self.remote.as_uri()}.insteadOf",
            "GIT_CONFIG_VALUE_0": f"{stubs.SERVER}/{REPOSITORY}.git",
            "GIT_CONFIG_KEY_1": "advice.detachedHead",
            "GIT_CONFIG_VALUE_1": "false",
            "GIT_CONFIG_KEY_2": "protocol.file.allow",
            "GIT_CONFIG_VALUE_2": "always",
            "OMP_NUM_THREADS": "1",
            **self.environment,
        }

    def _run(self, workflow: str, event: str, payload: dict[str, Any], ref: str, actor: str) -> Ran:
        self.runs += 1
        place = self.folder / "runs" / str(self.runs)
        (place / "artifacts").mkdir(parents=True)
        commit = self.git("ls-remote", "origin", ref).split()[0]
        self.git("fetch", "-q", "origin", ref)
        self.git("switch", "-q", "--discard-changes", "--detach", commit)
        file = self.clone / ".github/workflows" / workflow
        told = file.read_text()
        payload = payload | {"repository": {"full_name": REPOSITORY, "default_branch": "main"}}
        (place / "event.json").write_text(json.dumps(payload))
        self.forge.grant(JOB_TOKEN, permissions(told))
        environment = self._environment() | {
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_API_URL": self.forge.url,
            "GITHUB_SHA": commit,
            "GITHUB_REF": ref,
            "STUB_ARTIFACTS": str(place / "artifacts"),
            "STUB_ENVIRONMENTS": json.dumps(self.environments),
            "STUB_JOB_TOKEN": JOB_TOKEN,
        }
        command = [str(ACT), event, "--workflows", str(file), "--eventpath", str(place / "event.json"), "--json"]
        command += ["--platform", "ubuntu-24.04=-self-hosted", "--pull=false", "--no-cache-server"]
        command += ["--no-skip-checkout", "--action-cache-path", str(place / "cache"), "--actor", actor]
        command += ["--concurrent-jobs", "1", "--defaultbranch", "main"]
        for option, values in (
            ("--env", environment),
            ("--var", self.variables),
            ("--secret", self.secrets | {"GITHUB_TOKEN": JOB_TOKEN}),
            ("--local-repository", stub_actions(self.folder / "stubs", self.clone, told)),
        ):
            for name, value in values.items():
                command += [option, f"{name}={value}"]
        done = subprocess.run(
            command,
            cwd=self.clone,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        shutil.rmtree(place / "cache", ignore_errors=True)
        return read_log(done.returncode, done.stdout)


def read_log(code: int, output: str) -> Ran:
    """What act's JSON lines tell."""
    ran = Ran(code)
    for line in output.splitlines():
        try:
            told = json.loads(line)
        except ValueError:
            ran.log += line + "\n"
            continue
        job = str(told.get("jobID", ""))
        if told.get("command") == "summary":
            ran.summary += told["content"]
        if "jobResult" in told:
            ran.jobs[job] = told["jobResult"]
        elif "stepResult" in told and told.get("stage") == "Main" and len(told["stepID"]) == 1:
            ran.steps[job, told["step"]] = told["stepResult"]
        if told.get("raw_output"):
            ran.log += told["msg"]
        elif told.get("level") == "error" or "stepResult" in told:
            ran.log += f"[{job}] {str(told['msg']).splitlines()[0]}\n"
    return ran


def permissions(workflow: str) -> set[str]:
    """What the jobs of a workflow may do with their token, as `scope:access`. Nothing is granted that no job names."""
    loaded = yaml.safe_load(workflow)
    blocks = [loaded.get("permissions") or {}, *(job.get("permissions") or {} for job in loaded["jobs"].values())]
    granted = {f"{scope}:{access}" for block in blocks for scope, access in block.items()}
    return granted | {f"{name[:-6]}:read" for name in granted if name.endswith(":write")}


def stub_actions(folder: Path, checkout: Path, workflow: str) -> dict[str, str]:
    """Pinned action → folder of its stand-in, for a workflow and the local actions that it uses."""
    texts = [workflow]
    for local in re.findall(r"uses: \./(\S+)", workflow):
        texts.append((checkout / local / "action.yml").read_text())
    found = {}
    for text in texts:
        for action, below, commit in USES.findall(text):
            assert action in stubs.INPUTS, f"no stand-in for {action}{below}: teach stubs.py"
            found[f"{action}@{commit}"] = str(_stub(folder, action))
        for step in _steps(yaml.safe_load(text)):
            action = str(step.get("uses", "")).partition("@")[0]
            unknown = set(step.get("with", {})) - set(stubs.INPUTS.get(action, step.get("with", {})))
            assert not unknown, f"{action}: the stand-in does not know {sorted(unknown)}: teach stubs.py"
    return found


def _steps(loaded: dict[str, Any]) -> list[dict[str, Any]]:
    jobs = [loaded.get("runs", {}), *loaded.get("jobs", {}).values()]
    return [step for job in jobs for step in job.get("steps", [])]


def _stub(folder: Path, action: str) -> Path:
    """The composite action that stands in for one."""
    place = folder / action.replace("/", "__")
    if place.is_dir():
        return place
    place.mkdir(parents=True)
    outputs = {name: {"value": f"${{{{ steps.stub.outputs.{name} }}}}"} for name in stubs.OUTPUTS.get(action, ())}
    step = {
        "id": "stub",
        "shell": "bash",
        "env": {"STUB_INPUTS": "${{ toJSON(inputs) }}", "PYTHONPATH": str(ROOT)},
        "run": f"{sys.executable} -m tool.tests.workflows.stubs {action}",
    }
    content = {
        "name": action,
        "inputs": {name: {"default": value} for name, value in stubs.INPUTS[action].items()},
        "outputs": outputs,
        "runs": {"using": "composite", "steps": [step]},
    }
    (place / "action.yml").write_text(yaml.safe_dump(content))
    return place


def snapshot(target: Path) -> None:
    """This checkout's files as they are now: tracked ones, and new ones that git does not ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        source = ROOT / name
        if source.is_symlink() or not source.is_file():
            continue
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target / name)


def build(folder: Path, now: str, edit: Callable[[Path], None] | None = None) -> Stage:
    """A forge with a repository whose main holds this checkout's files, after `edit` changed them. Close `forge`."""
    folder = folder.resolve()
    for name in ("bin", "home"):
        (folder / name).mkdir(parents=True)
    python = os.path.realpath(sys.executable)
    for name in ("python", "python3"):
        (folder / "bin" / name).symlink_to(python)
    stage = Stage(folder, ForgeServer(REPOSITORY), now)
    stage.forge.grant(stubs.APP_TOKEN, {"contents:write", "pull-requests:write", "pull-requests:read"})
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(stage.remote)], check=True)
    for name in ("uploadpack.allowAnySHA1InWant", "uploadpack.allowFilter"):
        subprocess.run(["git", "-C", str(stage.remote), "config", name, "true"], check=True)
    stage.clone.mkdir()
    snapshot(stage.clone)
    stage.git("init", "-q", "-b", "main")
    stage.git("config", "user.name", "maria")
    stage.git("config", "user.email", "maria@example.org")
    stage.git("remote", "add", "origin", f"{stubs.SERVER}/{REPOSITORY}.git")
    stage.push("main", "Start")
    if edit:
        edit(stage.clone)
        stage.push("main", "Lay the ground")
    return stage
