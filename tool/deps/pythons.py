"""Whether a lock installs on Linux x86-64 with a Python, as the resolver tells without installing anything."""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

from tool.deps import provided
from tool.deps.uv import TIMEOUT_SECONDS, find_uv
from tool.errors import FtcError
from tool.schema.dependency import Resolution, Stack

PYTHONS = ("3.11", "3.12", "3.13")
PLATFORM = "x86_64-manylinux_2_28"
_WOULD_INSTALL = re.compile(r"^ \+ ([\w.-]+)==(\S+)$", re.MULTILINE)


def installable(lock: str, python: str, complete: bool = True) -> dict[str, str]:
    """Package → version of what a lock installs with that Python. Raises FtcError where it does not.

    `complete` asks that everything that the packages need is in the lock as well.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lock.txt"
        path.write_text(lock)
        command = [
            find_uv(),
            "pip",
            "install",
            "--no-config",
            "--no-build",
            "--dry-run",
            "--target",
            str(Path(folder) / "there"),
        ]
        command += ["--python-version", python, "--python-platform", PLATFORM, "--require-hashes"]
        command += [*([] if complete else ["--no-deps"]), "-r", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)
    if done.returncode:
        raise FtcError(f"the lock does not install on Python {python}: {' '.join(done.stderr.split())[:600]}")
    return dict(_WOULD_INSTALL.findall(done.stderr))


def proofs(stack: Stack, lock: str) -> tuple[Resolution, ...]:
    """One proof for each Python that stacks support, as of the stack's day. Raises FtcError where there is none."""
    whole = not provided(stack)
    found = {python: len(installable(lock, python, whole)) for python in PYTHONS}
    return tuple(Resolution(python=python, date=stack.as_of, packages=count) for python, count in found.items())
