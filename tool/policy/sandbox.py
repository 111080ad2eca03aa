"""Policies that nobody has reviewed yet run in a child process with bounds on memory, processor time and the clock.

CEL bounds iterations and recursion, but not memory: doubling a string a few dozen times asks for terabytes.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tool.errors import Fault, InputFaults, Violation
from tool.policy.files import Files
from tool.policy.fixtures import CaseResult, TestRun

MEMORY_BYTES = 512 << 20
SECONDS = 5.0
# The bound is on processor time; on a busy machine the clock may show more before the child is given up.
PATIENCE = 4
_TOOL_PARENT = Path(__file__).resolve().parents[2]


class PolicyExhausted(Violation):
    """A policy wanted more memory or time than it is given."""


def run_tests_in_child(files: Files, seconds: float = SECONDS, memory: int = MEMORY_BYTES) -> TestRun:
    """Load, compile and test a tree's policies in a child. Raises InputFaults, or PolicyExhausted naming the policy."""
    request = {
        "memory": memory,
        "seconds": seconds,
        "files": {path: base64.b64encode(data).decode() for path, data in files.items()},
    }
    answer = _ask(json.dumps(request), seconds, memory)
    if "faults" in answer:
        raise InputFaults(Fault(**fault) for fault in answer["faults"])
    return TestRun(tuple(CaseResult(**result) for result in answer["results"]), tuple(answer["uncovered"]))


def _ask(request: str, seconds: float, memory: int) -> dict[str, Any]:
    """Run the child; its last line is the answer, the lines before name the policy at work."""
    command = [sys.executable, "-P", "-m", "tool.policy.child"]
    bound = f"more than {memory >> 20} MiB of memory or {seconds:g} s"
    try:
        done = subprocess.run(
            command,
            input=request,
            capture_output=True,
            text=True,
            timeout=seconds * PATIENCE,
            check=False,
            env={"PYTHONPATH": str(_TOOL_PARENT), "PYTHONDONTWRITEBYTECODE": "1", "MALLOC_ARENA_MAX": "1"},
        )
        output = done.stdout
    except subprocess.TimeoutExpired as error:
        output = (error.stdout or b"").decode() if isinstance(error.stdout, bytes) else str(error.stdout or "")
    lines = output.splitlines()
    last = json.loads(lines[-1]) if lines and lines[-1].startswith("{") and lines[-1].endswith("}") else {}
    if "results" in last or "faults" in last:
        answer: dict[str, Any] = last
        return answer
    culprit = last.get("policy", "a policy")
    raise PolicyExhausted(f"policy {culprit}: an expression wants {bound}; simplify it, or bound the lists it builds")
