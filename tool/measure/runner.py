"""Walks the grid: one process a configuration, one row as soon as it is there, resumed where it stopped."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tool.oracle.request import TraceRequest
from tool.oracle.worker import line_of, read_rows, write_rows

LIMIT_SECONDS = 900
Measure = Callable[[TraceRequest], dict[str, Any] | None]


def in_a_process(root: Path, device: str) -> Measure:
    """Measure in a fresh interpreter; None when it broke off for another reason than memory."""

    def measure(request: TraceRequest) -> dict[str, Any] | None:
        command = [sys.executable, "-m", "tool.measure", "one", "--root", str(root), "--device", device]
        try:
            done = subprocess.run(
                command,
                input=json.dumps(request.row),
                stdout=subprocess.PIPE,
                text=True,
                timeout=LIMIT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None
        lines = done.stdout.strip().splitlines()
        return dict(json.loads(lines[-1])) if done.returncode == 0 and lines else None

    return measure


def run(requests: Sequence[TraceRequest], path: Path, card: str, measure: Measure, log: Any = sys.stderr) -> int:
    """Measure what `path` lacks; rows stay in the grid's order. Returns how many configurations failed."""
    rows = read_rows(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    order = [f"own {card} {request.id}" for request in requests]
    failed = 0
    for number, (name, request) in enumerate(zip(order, requests, strict=True), start=1):
        if name in rows:
            continue
        row = measure(request)
        said = "failed" if row is None else row.get("peak_gib", "out of memory")
        print(f"[{number}/{len(requests)}] {request.id}: {said}", file=log, flush=True)
        if row is None:
            failed += 1
            continue
        rows[name] = line_of(row)
        write_rows(path, (rows[other] for other in order if other in rows))
    return failed
