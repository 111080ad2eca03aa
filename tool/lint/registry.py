"""Where the registry is when a configuration of another repository is linted."""

from __future__ import annotations

import sys
from pathlib import Path

from tool.errors import FtcError
from tool.load import find_root

MARKERS = ("registry/models", "profiles/gpus")
"""Folders called registry and profiles are no rarity: these tell ours from others."""


def registry_root(current: Path) -> Path | None:
    """The repository around the current folder, else the checkout that this program was installed from, else None.

    pre-commit clones the repository of a hook and installs it into an environment inside of the clone, so the folder
    above the environment is the checkout.
    """
    for start in (current, Path(__file__), Path(sys.prefix)):
        try:
            found = find_root(start)
        except FtcError:
            continue
        if all((found / marker).is_dir() for marker in MARKERS):
            return found
    return None
