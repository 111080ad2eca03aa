"""`python -m evaluation.rehearsal [--runs N] [--write]`: play, and say what came out."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from evaluation.rehearsal import report
from evaluation.rehearsal.findings import findings
from evaluation.rehearsal.play import RUNS, WEEKS, Week, play


def main() -> int:
    """Play, tell a line a week, and check what must have come out. Exit code 1: a finding does not hold."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.rehearsal", description=main.__doc__)
    parser.add_argument("--runs", type=int, default=RUNS, help="questions a week")
    parser.add_argument("--write", action="store_true", help=f"write {report.PAGE} and its plots")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ftc-rehearsal-") as name:
        played = play(Path(name), WEEKS, options.runs, tell=_tell)
    found = findings(played)
    for each in found:
        print(f"{'holds' if each.holds else 'FAILS'}: {each.claim} ({each.figures})")
    if options.write:
        report.write(played, found)
    return 0 if all(each.holds for each in found) else 1


def _tell(week: Week) -> None:
    asked = ", ".join(week.triggers) or "no rule"
    canary = f", canary at {week.canary['fraction']:.0%}: {week.canary['step'] or 'waits'}" if week.canary else ""
    told = f"{week.runs} runs, {week.oom_rate:.2%} out of memory, retraining by {asked}: {week.candidate or 'none'}"
    print(f"week {week.week}: {told} ({week.verdict}){canary}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
