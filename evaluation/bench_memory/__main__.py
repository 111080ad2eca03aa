"""python -m evaluation.bench_memory: run the peers in their environment and write the report."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evaluation.bench_memory.cases import Row, rows_of
from evaluation.bench_memory.report import page, plot
from tool.errors import FtcError
from tool.load import find_root, open_repo

REPORTS = Path("evaluation/reports")
KEPT = Path("evaluation/bench_memory/answers.jsonl")
SCRIPT = Path(__file__).with_name("call_peers.py")


def ask(python: Path, rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """Every row through every peer. Raises FtcError when the environment is missing or a run breaks off."""
    if not python.exists():
        raise FtcError(f"{python} does not exist: run `make bench-memory`, which makes it")
    lines = "".join(json.dumps({**row.case, "id": row.id}) + "\n" for row in rows)
    done = subprocess.run([str(python), str(SCRIPT)], input=lines, stdout=subprocess.PIPE, text=True, check=False)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode or len(answers) != len(rows):
        raise FtcError(f"the peers answered {len(answers)} of {len(rows)} cases and ended with {done.returncode}")
    return {answer["id"]: answer for answer in answers}


def keep(root: Path, answers: dict[str, dict[str, Any]]) -> None:
    """Commit what the peers said, so that the report can follow ours without asking them again."""
    lines = [json.dumps(answers[name], sort_keys=True) + "\n" for name in sorted(answers)]
    (root / KEPT).write_text("".join(lines), encoding="utf-8")


def kept(root: Path, rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """What the peers said last time. Raises FtcError when a run has no answer there."""
    lines = (root / KEPT).read_text(encoding="utf-8").splitlines() if (root / KEPT).exists() else []
    answers = {answer["id"]: answer for answer in map(json.loads, lines)}
    missing = [row.id for row in rows if row.id not in answers]
    if missing:
        raise FtcError(f"{KEPT}: no answer for {len(missing)} runs, {missing[0]} first: run `make bench-memory`")
    return answers


def pinned(root: Path) -> list[str]:
    """Names and versions of the estimators, from the two requirement files."""
    folder = root / "evaluation/bench_memory"
    text = "".join((folder / name).read_text(encoding="utf-8") for name in ("requirements.in", "requirements-alone.in"))
    names = ("accelerate", "canifinetune", "fitcheck", "fm-training", "llm-analysis")
    return [line.replace("==", " ") for line in text.splitlines() if line.startswith(names)]


def main(arguments: list[str] | None = None) -> int:
    """Write memory_peers.md and memory_peers.svg."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.bench_memory", description=__doc__)
    parser.add_argument("--root", type=Path)
    parser.add_argument("--python", type=Path, help="Python of the peers' environment (default: .bench-venv)")
    parser.add_argument("--kept", action="store_true", help="take the peers' answers of last time")
    options = parser.parse_args(arguments)
    try:
        root = options.root or find_root(Path.cwd())
        rows = rows_of(open_repo(root))
        if options.kept:
            answers = kept(root, rows)
        else:
            answers = ask(options.python or root / ".bench-venv/bin/python", rows)
            keep(root, answers)
        folder = root / REPORTS
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "memory_peers.md").write_text(page(rows, answers, pinned(root)), encoding="utf-8")
        (folder / "memory_peers.svg").write_text(plot(rows, answers), encoding="utf-8")
        print(f"wrote {REPORTS / 'memory_peers.md'} from {len(rows)} runs")
        return 0
    except FtcError as error:
        print(error, file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
