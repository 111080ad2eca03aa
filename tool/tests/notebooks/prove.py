"""Train the notebooks under a lock: the proof that `ftc deps bisect` and the workflow of updates ask for.

Exit code 0: they trained · 1: some did not · 125: the lock does not install, which says nothing about training.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tool.deps.bisect import SAYS_NOTHING
from tool.tests.notebooks import environment

TRAINING = "tool/tests/notebooks/test_training.py"
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)


def train(folder: Path, lock: Path, stack: str, cases: list[str], processes: int) -> tuple[int, list[str]]:
    """(pytest's exit code, ids of the cases that failed) under an environment that is there already."""
    told = {"FTC_NOTEBOOK_PYTHON": str(folder / "bin/python"), "FTC_NOTEBOOK_LOCK": str(lock), "NOTEBOOK_STACK": stack}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-m",
        "prove",
        "-n",
        str(processes),
        "--dist",
        "worksteal",
        "-rfE",
        *(cases or [TRAINING]),
    ]
    done = subprocess.run(
        command,
        cwd=environment.ROOT,
        env={"OMP_NUM_THREADS": "1", **os.environ, **told},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    print(done.stdout)
    return done.returncode, sorted(set(_FAILED.findall(done.stdout)))


def arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tool.tests.notebooks.prove", description=__doc__)
    parser.add_argument("lock", type=Path)
    parser.add_argument("--stack", default=environment.STACK, help="a stack of profiles/dependencies")
    parser.add_argument("--cases", type=Path, help="file with test ids, one a line (default: every training test)")
    parser.add_argument("--failed", type=Path, help="write the ids of what failed here")
    parser.add_argument("--processes", type=int, default=2)
    return parser.parse_args(words)


def main(words: list[str] | None = None) -> int:
    given = arguments(words)
    cases = given.cases.read_text().split() if given.cases else []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "environment"
        try:
            environment.make(folder, given.stack, given.lock.absolute())
        except subprocess.CalledProcessError:
            print("the lock does not install", file=sys.stderr)
            return SAYS_NOTHING
        code, failed = train(folder, given.lock.absolute(), given.stack, cases, given.processes)
    if given.failed:
        given.failed.write_text("".join(f"{case}\n" for case in failed))
    return 0 if code == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
