"""A forge with a repository, and the people around it: they ask, merge, promote, and once bring an engine of their own.

The workflow files run as they stand, under act; what `ftc` is asked by hand runs as a program in a clone of main.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from evaluation.rehearsal import fleet
from tool.errors import FtcError

if TYPE_CHECKING:
    from tool.tests.workflows.act import Stage

TRAINING = "train.yml"
"""The workflow whose artifacts hold events."""
CATALOG = {
    "groups": [
        {
            "models": ["Qwen/Qwen2.5-7B", "meta-llama/Llama-3.1-8B"],
            "tasks": ["chat"],
            "platforms": ["colab/free", "local/rtx-4090", "aws/g5.xlarge"],
            "adapters": ["lora", "qlora"],
        }
    ]
}
"""A dozen answers are checked in instead of hundreds: what they show is the same, and they are written in seconds."""


class Failed(FtcError):
    """A step of the rehearsal did not do what it should; the message holds its log."""


class World:
    """The stage, and what people do on it."""

    def __init__(self, folder: Path, now: str) -> None:
        from tool.tests.workflows.act import build

        self.stage: Stage = build(folder, now, edit=partial(_begin, now))
        self.ask = folder / "asked.jsonl"

    def close(self) -> None:
        self.stage.forge.close()

    def ftc(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> str:
        """Run `ftc` in a clone of the present main; what it printed. Raises Failed."""
        return _run(self.stage.clone, self.stage.now, *arguments, codes=codes)

    def answers(self, questions: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """What main recommends for each question; only runs that should fit are started."""
        self.stage.at_main()
        self.ask.write_text("".join(json.dumps(item) + "\n" for item in questions), encoding="utf-8")
        told = self.ftc("recommend", "--requests", str(self.ask), "--jobs", "1").splitlines()
        found: list[dict[str, Any]] = [json.loads(line) for line in told]
        return [item for item in found if item["vram"] and item["vram"]["verdict"] == "fits"]

    def upload(self, told: list[dict[str, Any]], week: int) -> None:
        """Offer the week's events as artifacts of the training workflow, a run an account."""
        for account, data in fleet.archives(told).items():
            run = {
                "id": week * 1000 + account,
                "head_branch": "main",
                "event": "workflow_dispatch",
                "status": "completed",
                "actor": {"id": account},
                "head_repository": {"full_name": self.stage.forge.repository},
                "created_at": self.stage.now,
            }
            self.stage.forge.offer(TRAINING, run, {f"telemetry-{week}-{account}": data})

    def workflow(self, name: str, **inputs: str) -> dict[str, Any] | None:
        """Run a workflow as its schedule or a person would; the pull request that it opened. Raises Failed."""
        before = len(self.stage.forge.pulls)
        ran = self.stage.dispatch(name, inputs) if inputs else self.stage.schedule(name)
        if not ran.ok:
            raise Failed(f"{name}: {ran.jobs}\n{ran.log[-6000:]}")
        opened = self.stage.forge.pulls[before:]
        return opened[0] if opened else None

    def merge(self, request: dict[str, Any]) -> None:
        """A person reviews and merges."""
        self.stage.later(hours=1)
        self.stage.merge(int(request["number"]))
        self.stage.later(hours=1)

    def promote(self, version: str, stage: str, reason: str) -> None:
        """A person starts the promote workflow, and another merges what it opens."""
        request = self.workflow("promote.yml", version=version, stage=stage, reason=reason)
        if request is None:
            raise Failed(f"promote.yml opened no pull request for {version} to {stage}")
        self.merge(request)

    def bring(self, version: str, files: dict[str, bytes]) -> str:
        """Somebody brings an engine by hand, with its evaluation; the verdict of the gates."""
        root = self.stage.at_main()
        for name, data in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(data)
        self.ftc("evaluate", "--engine", version, "--against", "production", "--write", codes=(0, 1, 4))
        self.ftc("verify", "--base", "origin/main")
        report = json.loads((root / f"evaluation/reports/{version}/evaluation.json").read_text(encoding="utf-8"))
        self.stage.push(f"engines/by-hand-{version}", f"Add engine {version}, fitted by hand")
        self.stage.merge(self.stage.open(f"engines/by-hand-{version}", f"Add engine {version}, fitted by hand"))
        self.stage.later(hours=1)
        return str(report["verdict"])

    def state(self) -> dict[str, Any]:
        """registry/engines/state.yaml of the present main."""
        self.stage.at_main()
        found: dict[str, Any] = yaml.safe_load((self.stage.clone / "registry/engines/state.yaml").read_text())
        return found

    def live(self) -> str:
        """The version that is live on the present main."""
        return _live(self.state())

    def read(self, path: str) -> bytes:
        """A file of the clone; empty where there is none."""
        file = self.stage.clone / path
        return file.read_bytes() if file.is_file() else b""

    def move_to(self, now: datetime) -> None:
        """Time passes."""
        self.stage.now = now.strftime("%Y-%m-%dT%H:%M:%SZ")


def _run(root: Path, now: str, *arguments: str, codes: tuple[int, ...] = (0,)) -> str:
    """Run `ftc` of a tree, at a time. Raises Failed for an exit code that is not among `codes`."""
    environment = os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", "FTC_NOW": now}
    program = [sys.executable, "-c", "from tool.cli import main; main()", *arguments]
    done = subprocess.run(program, cwd=root, env=environment, capture_output=True, text=True, check=False)
    if done.returncode not in codes:
        raise Failed(f"ftc {' '.join(arguments)}: exit {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def _live(state: dict[str, Any]) -> str:
    (version,) = [name for name, stage in state["stages"].items() if stage == "production"]
    return str(version)


def _begin(now: str, root: Path) -> None:
    """Let main start with its live engine, a history that begins with it, and a small catalogue."""
    state = root / "registry/engines/state.yaml"
    live = _live(yaml.safe_load(state.read_text()))
    for folder in (root / "registry/engines").iterdir():
        if folder.is_dir() and folder.name != live:
            shutil.rmtree(folder)
    state.unlink()
    for name in ("registry/telemetry", "registry/measurements/telemetry.jsonl", "registry/recipes/telemetry.jsonl"):
        shutil.rmtree(root / name, ignore_errors=True)
        (root / name).unlink(missing_ok=True)
    (root / "profiles/catalog.yaml").write_text(yaml.safe_dump(CATALOG, sort_keys=False), encoding="utf-8")
    start = ("--genesis", "--reason", "Start the history", "--actor", "maria", "--write", "--no-generate")
    _run(root, now, "promote", live, *start)
    _run(root, now, "generate")
