"""A command run as a user runs it: wall time, CPU time and the most memory of any of its processes."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[2]
SAMPLE = 0.2
"""Seconds between two looks at the memory of a command's processes."""


@dataclass(frozen=True)
class Run:
    """`wall` and `cpu` in seconds; `memory` in MiB, of all processes of the command together at the worst look."""

    wall: float
    cpu: float
    memory: float


def ftc(*arguments: str, expect: tuple[int, ...] = (0,)) -> Run:
    """Run `ftc` in a process of its own. Raises RuntimeError for another exit code than those expected."""
    command = [sys.executable, "-c", "from tool.cli import main; main()", *arguments]
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(PROGRAM)}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment) as process:
        most = 0.0
        while process.poll() is None:
            most = max(most, family_memory(process.pid))
            time.sleep(SAMPLE if most else SAMPLE / 10)
        wall = time.perf_counter() - start
        said = process.stderr.read().decode() if process.stderr else ""
    if process.returncode not in expect:
        raise RuntimeError(f"ftc {' '.join(arguments)}: exit {process.returncode}: {said[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(wall, cpu, max(most, 0.0))


def family_memory(pid: int) -> float:
    """MiB that a process and its descendants hold (proportional share of what they share); 0 once it is gone."""
    total = 0.0
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        total += next((int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("Pss:")), 0.0)
        for task in Path(f"/proc/{pid}/task").iterdir():
            total += sum(family_memory(int(child)) for child in (task / "children").read_text().split())
    except (OSError, ValueError):
        return total
    return total
