"""The child process of `tool.policy.sandbox`: reads a tree of policies as JSON on stdin, prints what its tests say."""

from __future__ import annotations

import base64
import dataclasses
import json
import resource
import sys
from typing import Any

from tool.errors import InputFaults
from tool.policy.fixtures import load_tests, run_tests
from tool.policy.policies import load_policies


def _limit(memory: int, seconds: float) -> None:
    """Bound the address space (bytes) and the processor time (seconds); no core dump."""
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    allowed = max(1, round(seconds))
    resource.setrlimit(resource.RLIMIT_CPU, (allowed, allowed))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _say(value: dict[str, Any]) -> None:
    print(json.dumps(value), flush=True)


def _answer(files: dict[str, bytes]) -> dict[str, Any]:
    try:
        policies = load_policies(files)
        faults = policies.check()
        if faults:
            raise InputFaults(faults)
        run = run_tests(policies, load_tests(files), lambda policy: _say({"policy": policy}))
    except InputFaults as error:
        return {"faults": [dataclasses.asdict(fault) for fault in error.faults]}
    return {"results": [dataclasses.asdict(result) for result in run.results], "uncovered": list(run.uncovered)}


def main() -> int:
    """Answer one request. A policy that exhausts the bounds ends the process; the parent tells of it."""
    request = json.load(sys.stdin)
    _limit(request["memory"], request["seconds"])
    try:
        _say(_answer({path: base64.b64decode(data) for path, data in request["files"].items()}))
    except MemoryError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
