"""What runs inside the oracle's environment: one answer, or the whole grid, row by row."""

from __future__ import annotations

import json
import logging
import os
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tool.oracle.request import TraceRequest, parse_request

FOLDER = Path("registry/measurements/oracle")


def quiet() -> None:
    """No advice from libraries about a run that is only pretended."""
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")


def answer(request: dict[str, Any], root: Path) -> dict[str, Any]:
    """One request of `ftc fit` → the traced row, with `assumptions`."""
    quiet()
    from tool.oracle.trace import trace

    parsed, assumed = parse_request(request)
    return trace(parsed, root) | {"assumptions": list(assumed)}


def line_of(row: dict[str, Any]) -> str:
    """The canonical bytes of one row."""
    return json.dumps(row, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def read_rows(path: Path) -> dict[str, str]:
    """Rows that are there already, by id. A last line cut short by an interruption is left out."""
    rows = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            rows[json.loads(line)["id"]] = line
        except ValueError:
            continue
    return rows


def run_grid(files: dict[str, list[TraceRequest]], root: Path, anew: bool, log: Any = sys.stderr) -> int:
    """Trace every configuration that has no row yet (`anew`: every one); write each as soon as it is there.

    Files end up in the order of the grid, without rows that the grid no longer names. Returns how many failed.
    """
    quiet()
    total = sum(len(requests) for requests in files.values())
    done = failed = 0
    for name, requests in sorted(files.items()):
        path = root / FOLDER / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = {} if anew else read_rows(path)
        for request in requests:
            done += 1
            if request.id in rows:
                continue
            line = _traced(request, root, log, f"[{done}/{total}]")
            failed += line is None
            if line is not None:
                rows[request.id] = line
                write_rows(path, (rows[item.id] for item in requests if item.id in rows))
        write_rows(path, (rows[item.id] for item in requests if item.id in rows))
    return failed


def _traced(request: TraceRequest, root: Path, log: Any, counter: str) -> str | None:
    from tool.oracle.trace import trace

    try:
        row = trace(request, root)
    except Exception as error:  # whatever the libraries raise: one configuration must not stop the others
        print(f"{counter} {request.id}: {type(error).__name__}: {error}", file=log, flush=True)
        return None
    print(f"{counter} {request.id}: {row['peak_bytes'] / 2**30:.3f} GiB in {row['peak_phase']}", file=log, flush=True)
    return line_of(row)


def write_rows(path: Path, lines: Iterable[str]) -> None:
    """Replace a file of rows in one move, so that an interruption leaves the old one or the new one."""
    part = path.with_suffix(".part")
    part.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    part.replace(path)
