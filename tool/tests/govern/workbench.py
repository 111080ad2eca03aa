"""A workbench for governance: a real repository (bare remote and clone) with small engines and crafted reports."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from tool.govern.canonical import canonical_yaml
from tool.govern.evidence import engine_digest_of, health_path
from tool.govern.finding import Finding
from tool.govern.ledger import apply
from tool.govern.prepare import open_desk, prepare_genesis, write_step
from tool.govern.sides import FOLDERS, KEEP
from tool.govern.store import STATE, event_path, read_history
from tool.govern.transition import fold
from tool.govern.tree import read_tree
from tool.govern.yardstick import yardstick
from tool.policy.digests import canonical_json, sha256
from tool.schema.state import Event, parse_time

ROOT = Path(__file__).resolve().parents[3]
T0 = "2026-11-01T00:00:00Z"
LIVE, NEXT, LATER = "2026.11.0", "2026.11.1", "2026.11.2"
GATES = {
    "oom-safety": ("hard", "false-safe", "report.false_safe == 0"),
    "calibration": ("soft", "ece", "report.ece <= params.ece_max"),
}


@dataclass
class Answer:
    """What a command ended with."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def run_ftc(*arguments: str) -> Answer:
    """Run `ftc` in this process."""
    from tool.cli import cli
    from tool.cli.common import run

    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(cli, list(arguments))
    return Answer(code, out.getvalue(), err.getvalue())


@dataclass
class Workbench:
    """A clone at `root` of a bare repository at `remote`. Time stands still until it is moved."""

    root: Path
    remote: Path
    now: datetime = field(default_factory=lambda: parse_time(T0))

    # git ------------------------------------------------------------------------------------------------------------

    def git(self, *arguments: str) -> str:
        """Run git in the clone; fail loudly."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.remote.parent),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "maria",
            "GIT_AUTHOR_EMAIL": "maria@example.org",
            "GIT_COMMITTER_NAME": "maria",
            "GIT_COMMITTER_EMAIL": "maria@example.org",
            "GIT_AUTHOR_DATE": self.now.isoformat(),
            "GIT_COMMITTER_DATE": self.now.isoformat(),
        }
        done = subprocess.run(
            ["git", "-C", str(self.root), *arguments], capture_output=True, text=True, env=environment, check=False
        )
        assert done.returncode == 0, f"git {arguments}: {done.stderr}"
        return done.stdout

    def commit(self, message: str) -> str:
        """Commit everything; the commit's name."""
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD").strip()

    def branch(self, name: str) -> None:
        self.git("switch", "-q", "-c", name, "origin/main")

    def merge(self, message: str = "merge") -> None:
        """Commit what there is and make it the remote's main, as a squash merge would."""
        self.commit(message)
        self.git("push", "-q", "origin", "HEAD:main")
        self.git("fetch", "-q", "origin")

    def later(self, hours: float) -> None:
        self.now += timedelta(hours=hours)

    @property
    def clock(self) -> str:
        return self.now.strftime("%Y-%m-%dT%H:%M:%SZ")

    # commands -------------------------------------------------------------------------------------------------------

    def ftc(self, *arguments: str) -> Answer:
        return run_ftc(*arguments, "--root", str(self.root))

    def step(self, *arguments: str, expect: int = 0) -> Answer:
        """Prepare a step with --write, as maria, at the bench's time."""
        answer = self.ftc(*arguments, "--now", self.clock, "--actor", "maria", "--write", "--no-generate")
        assert answer.code == expect, f"{arguments}: {answer.out}{answer.err}"
        return answer

    def verify(self, base: str = "origin/main") -> tuple[int, list[dict[str, Any]]]:
        """(exit code, findings) of `ftc verify`."""
        answer = self.ftc("verify", "--base", base, "--now", self.clock, "--output", "json")
        assert answer.out, answer.err
        return answer.code, answer.json["findings"]

    # files ----------------------------------------------------------------------------------------------------------

    def write(self, path: str, data: bytes | str) -> None:
        full = self.root / path
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_bytes(data.encode() if isinstance(data, str) else data)

    def read(self, path: str) -> bytes:
        return (self.root / path).read_bytes()

    def replace(self, path: str, old: str, new: str) -> None:
        """Change text in a file; the old text must be there once."""
        text = self.read(path).decode()
        assert text.count(old) == 1, f"{path} holds {old!r} {text.count(old)} times"
        self.write(path, text.replace(old, new))

    def engine(self, version: str, seed: int) -> None:
        """An engine with two artifacts: numbers and a table."""
        folder = self.root / "registry/engines" / version
        folder.mkdir(parents=True)
        buffer = io.BytesIO()
        np.savez(buffer, weights=np.random.default_rng(seed).normal(size=8))
        table = json.dumps({"seed": seed}).encode()
        (folder / "reranker.npz").write_bytes(buffer.getvalue())
        (folder / "calibrator.json").write_bytes(table)
        lines = [
            "artifacts:",
            f"  reranker: {{path: reranker.npz, sha256: {json.dumps(sha256(buffer.getvalue()))}}}",
            f"  calibrator: {{path: calibrator.json, sha256: {json.dumps(sha256(table))}}}",
            "trained_on:",
            "  {recipes_digest: r1, telemetry_digest: null, rows: 10, tool_version: 1.2.3, lock_digest: l1, "
            f"seed: {seed}}}",
        ]
        (folder / "engine.yaml").write_text("\n".join(lines) + "\n")

    def report(self, version: str, against: str | None = LIVE, name: str = "evaluation", **changes: Any) -> str:
        """A valid report on an engine, with `changes` in it; its digest. Gates pass unless changed."""
        files = read_tree(self.root, FOLDERS, KEEP)
        yard = yardstick(files)
        digest = engine_digest_of(files, version)
        gates = [
            {"id": gate, "level": level, "status": changes.get("statuses", {}).get(gate, "pass"), "value": 0.05}
            for gate, level in yard.gates.items()
        ]
        report = {
            "format": "ftc-evaluation/1",
            "engine": version,
            "engine_digest": digest,
            "golden_digest": yard.golden_digest,
            "ceilings_digest": None,
            "policies_digest": yard.gates_digest,
            "tool_version": "1.2.3",
            "against": against,
            "against_digest": engine_digest_of(files, against) if against else None,
            "verdict": "pass",
            "gates": gates,
        }
        report |= {key: value for key, value in changes.items() if key != "statuses"}
        data = canonical_json(report)
        self.write(f"evaluation/reports/{version}/{name}.json", data)
        return sha256(data)

    def health(self, version: str, **changes: Any) -> None:
        """Telemetry's verdict on the running canary, healthy unless changed."""
        files = read_tree(self.root, FOLDERS, KEEP)
        history, findings = read_history(files)
        assert history is not None and not findings
        state = history.state
        report: dict[str, Any] = {
            "format": "ftc-health/1",
            "engine": version,
            "engine_digest": engine_digest_of(files, version),
            "production": state.production,
            "generation": state.generation,
            "fraction": state.canary.fraction if state.canary else 0.0,
            "evaluation_digest": None,
            "telemetry_digest": "a" * 64,
            "policies_digest": yardstick(files).policy_digest,
            "tool_version": "1.2.3",
            "runs_production": 900,
            "runs_canary": 60,
            "at": self.clock,
            "verdict": "healthy",
            "comparisons": [],
        }
        report |= changes
        self.write(health_path(version, report["generation"]), canonical_json(report))

    def forge(self, **changes: Any) -> None:
        """Rewrite the last event by hand and let the state follow, as a careful forger would."""
        history, findings = read_history(read_tree(self.root, FOLDERS, KEEP))
        assert history is not None and not findings
        event = Event.model_validate(history.events[-1].model_dump(by_alias=True) | changes)
        assert event != history.events[-1], "the forgery changes nothing"
        ledger = fold(history.events[:-1])
        assert not isinstance(ledger, Finding)
        after = apply(ledger, event, canonical_yaml(event))
        assert not isinstance(after, Finding), after
        self.write(event_path(len(history.events) - 1), canonical_yaml(event))
        self.write(STATE, canonical_yaml(after.state))

    def append(self, state: dict[str, Any] | None = None, **fields: Any) -> None:
        """Append an event by hand, legal or not; `state` overrides fields of the state that follows."""
        history, _ = read_history(read_tree(self.root, FOLDERS, KEEP))
        assert history is not None
        generation = len(history.events)
        event = Event.model_validate(
            {
                "version": NEXT,
                "from": "staging",
                "to": "canary",
                "fraction": None,
                "expect_generation": generation - 1,
                "evidence_digest": None,
                "policy_digest": yardstick(read_tree(self.root, FOLDERS, KEEP)).policy_digest,
                "prev_digest": history.digest(generation - 1),
                "actor": "maria",
                "reason": "by hand",
                "at": self.clock,
            }
            | fields
        )
        following = history.state.model_copy(update={"generation": generation} | (state or {}))
        self.write(event_path(generation), canonical_yaml(event))
        self.write(STATE, canonical_yaml(following))


def _gate(id: str, level: str, validation: str, expression: str) -> str:
    return (
        f"purpose: A gate of the workbench.\nmatch:\n  kind: evaluation\nparams:\n  ece_max: 0.1\nlevel: {level}\n"
        f"on_missing: inconclusive\nvalidations:\n  - id: {validation}\n    expression: {expression}\n"
        f"    message: {id} does not hold\n    remedy: mend the engine\n"
    )


GATE_TESTS = """\
cases:
  - name: holds
    input:
      report: {false_safe: 0, ece: 0.05}
    expect: pass
  - name: does not hold
    input:
      report: {false_safe: 3, ece: 0.5}
    expect: fail
    reason: does not hold
"""


def build(folder: Path) -> Workbench:
    """A repository with the real rules, two gates, and three engines; nothing is live yet."""
    remote, root = folder / "remote.git", folder / "clone"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(remote)], check=True)
    subprocess.run(["git", "clone", "-q", str(remote), str(root)], check=True, capture_output=True)
    bench = Workbench(root, remote)
    bench.git("symbolic-ref", "HEAD", "refs/heads/main")
    shutil.copytree(ROOT / "policies", root / "policies")
    shutil.rmtree(root / "policies/gates", ignore_errors=True)
    for waiver in (root / "policies/waivers").glob("*.yaml"):
        waiver.unlink()
    for id, (level, validation, expression) in GATES.items():
        bench.write(f"policies/gates/{id}.yaml", _gate(id, level, validation, expression))
        bench.write(f"policies/gates/tests/{id}.yaml", GATE_TESTS)
    bench.write("evaluation/golden_dataset.jsonl", '{"id": "g1"}\n')
    bench.write("profiles/README.md", "choices\n")
    bench.write("tool/__init__.py", '"""The program."""\n')
    bench.write(".github/workflows/gates.yml", "name: gates\n")
    for seed, version in enumerate((LIVE, NEXT, LATER)):
        bench.engine(version, seed)
    bench.merge("Lay the ground")
    return bench


def start(bench: Workbench) -> None:
    """Make the first engine live, and give each engine its report."""
    desk = open_desk(bench.root, bench.now)
    write_step(bench.root, prepare_genesis(desk, LIVE, "maria", "Start the history"))
    bench.report(LIVE, against=None)
    bench.report(NEXT)
    bench.report(LATER)
    bench.merge("Start the history")


def to_staging(bench: Workbench) -> None:
    bench.later(1)
    bench.step("promote", NEXT, "--to", "staging")
    bench.merge("Promote to staging")


def to_canary(bench: Workbench) -> None:
    bench.later(1)
    bench.step("promote", NEXT, "--to", "canary")
    bench.merge("Start a canary")


def raise_canary(bench: Workbench, fraction: str) -> None:
    bench.later(50)
    bench.health(NEXT)
    bench.step("canary", "set", fraction)
    bench.merge(f"Raise the canary to {fraction}")


def copy_of(bench: Workbench, folder: Path) -> Workbench:
    """The same repository at another place, free to be attacked."""
    shutil.copytree(bench.remote.parent, folder, dirs_exist_ok=True, symlinks=True)
    copied = Workbench(folder / bench.root.name, folder / bench.remote.name, bench.now)
    copied.git("remote", "set-url", "origin", str(copied.remote))
    return copied
