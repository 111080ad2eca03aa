"""The candidate before the gates: `ftc evaluate` judges it, and a rejection is written as a step of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tool.schema.evidence import EvaluationReport

REPORTS = "evaluation/reports"
STATE = "registry/engines/state.yaml"
WORDS = {0: "pass", 1: "fail", 3: "nothing was evaluated", 4: "inconclusive"}


@dataclass(frozen=True)
class Judged:
    """What the gates said. `failures` are the hard gates that did not pass; `report` is null where none was written."""

    verdict: str
    failures: tuple[str, ...]
    report: str | None
    digest: str | None


def command(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `ftc` on a repository, as a workflow would."""
    program = [sys.executable, "-c", "from tool.cli import main; main()", *arguments, "--root", str(root)]
    return subprocess.run(program, capture_output=True, text=True, check=False)


def judge(root: Path, version: str) -> Judged:
    """Evaluate a version that is written, beside the live engine where there is one.

    What the evaluation itself could not do is told as its verdict.
    """
    beside = ("--against", "production") if has_history(root) else ()
    done = command(root, "evaluate", "--engine", version, *beside, "--write")
    if done.returncode not in WORDS:
        told = done.stderr.strip().splitlines() or ["no reason given"]
        return Judged(f"not evaluated: {told[-1][:200]}", (), None, None)
    for path in sorted((root / REPORTS / version).glob("*.json")):
        data = path.read_bytes()
        try:
            report = EvaluationReport.model_validate_json(data)
        except ValueError:
            continue
        failed = tuple(gate.id for gate in report.gates if gate.level == "hard" and gate.status not in ("pass", "skip"))
        from tool.policy.digests import sha256

        return Judged(report.verdict, failed, path.relative_to(root).as_posix(), sha256(data))
    return Judged(WORDS[done.returncode], (), None, None)


def has_history(root: Path) -> bool:
    """Whether engines have a history, and so one of them is live."""
    return (root / STATE).is_file()


def reject(root: Path, version: str, reason: str, now: str) -> str | None:
    """Write the rejection of a version where there is a history. Returns what stands against it, or None."""
    if not has_history(root):
        return "there is no history of engines yet"
    arguments = ("promote", version, "--to", "rejected", "--reason", reason, "--actor", "retrain", "--now", now)
    done = command(root, *arguments, "--write", "--no-generate", "--output", "json")
    if done.returncode == 0:
        return None
    told = done.stderr.strip().splitlines() or [json.dumps(done.stdout)[:200]]
    return told[-1]
