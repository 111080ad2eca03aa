"""Trace oracle: peak memory of a training step, read off the real code without a GPU or weights.

The trace needs torch, transformers, peft, trl and bitsandbytes: the environment that `make oracle` makes in
`.oracle-venv` from tool/oracle/requirements.lock. It shares nothing with tool.memory, which is held to its rows.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tool.errors import FtcError

ENVIRONMENT = ".oracle-venv"
LIMIT_SECONDS = 900


class OracleMissing(FtcError):
    """The environment of the oracle is not installed."""


class OracleFailed(FtcError):
    """The trace did not come to an end."""


def trace(request: dict[str, Any], root: Path) -> dict[str, Any]:
    """One request of `ftc fit` → the oracle's row (bytes) with `assumptions`.

    Raises BadRequest for what cannot be traced, OracleMissing without its environment.
    """
    if importlib.util.find_spec("torch") is not None:
        from tool.oracle.worker import answer

        return answer(request, root)
    return _in_environment(request, root)


def interpreter(root: Path) -> Path:
    """The Python of the oracle's environment. Raises OracleMissing."""
    chosen = os.environ.get("FTC_ORACLE_PYTHON")
    python = Path(chosen) if chosen else root / ENVIRONMENT / "bin" / "python"
    if not python.exists():
        raise OracleMissing(f"{python} does not exist: run `make oracle-environment` first")
    return python


def _in_environment(request: dict[str, Any], root: Path) -> dict[str, Any]:
    source = Path(__file__).resolve().parents[2]
    done = subprocess.run(
        [str(interpreter(root)), "-m", "tool.oracle", "trace", "--root", str(root)],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        cwd=source,
        env={**os.environ, "PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"},
        check=False,
    )
    if done.returncode:
        raise OracleFailed(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "the trace failed")
    row: dict[str, Any] = json.loads(done.stdout)
    return row


__all__ = ["OracleFailed", "OracleMissing", "interpreter", "trace"]
