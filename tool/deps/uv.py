"""The resolver: one call of `uv pip compile`. The only place of this package that runs a program of its own accord."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tool.errors import FtcError

OLDEST_PYTHON = "3.11"
TIMEOUT_SECONDS = 600
NO_SOLUTION = "No solution found"


@dataclass(frozen=True)
class Compiled:
    """The lock as text, or what the resolver said against it (one line)."""

    text: str = ""
    problem: str = ""

    @property
    def contradicts(self) -> bool:
        """Whether the requirements contradict each other, rather than the index or the network failing."""
        return NO_SOLUTION in self.problem


def find_uv() -> str:
    """The resolver, beside this Python or on the path. Raises FtcError when there is none."""
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if beside.is_file() else shutil.which("uv")
    if found is None:
        raise FtcError("uv is not installed (run `make setup`, which installs it)")
    return found


def command_line(uv: str, overrides: str, *options: str) -> list[str]:
    """The resolver's command line, to run in a folder that holds requirements.in and overrides.txt."""
    command = [uv, "pip", "compile", "requirements.in", "--universal", "--python-version", OLDEST_PYTHON]
    command += ["--generate-hashes", "--no-annotate", "--no-header", "--quiet", "--no-config"]
    return [*command, *(["--override", "overrides.txt"] if overrides else []), *options]


def compile_lock(requirements: str, overrides: str, *options: str) -> Compiled:
    """Resolve requirements into a lock for every Python from 3.11 on. Raises FtcError without uv, or after 600 s."""
    uv = find_uv()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "requirements.in").write_text(requirements)
        (Path(folder) / "overrides.txt").write_text(overrides)
        environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
        command = command_line(uv, overrides, *options)
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise FtcError(f"no resolution within {TIMEOUT_SECONDS} s") from None
    return Compiled(problem=" ".join(done.stderr.split())[:600] or "?") if done.returncode else Compiled(done.stdout)
