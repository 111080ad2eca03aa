"""Send files through a framework's own parser, all of them in one process."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from tool.tests.frameworks import environments

PROBES = Path(__file__).parent / "probes"
NAMES = ("trl", "axolotl", "llamafactory", "torchtune", "oumi", "ms-swift")
"""Frameworks that read a configuration file; Unsloth is a library, whose script is run."""


def probe(name: str, files: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The probe's answers, one for each {"text", "command", "start", "gpus"}, in order."""
    lines = [json.dumps({"id": number, **file}) for number, file in enumerate(files)]
    script = PROBES / f"read_{name.replace('-', '_')}.py"
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    result = subprocess.run(
        [str(environments.python(name)), str(script)],
        input="\n".join(lines), capture_output=True, text=True, check=False, env=environment | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert result.returncode == 0, result.stderr[-3000:]
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert [answer["id"] for answer in answers] == list(range(len(files))), result.stderr[-3000:]
    return answers
