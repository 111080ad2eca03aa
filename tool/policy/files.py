"""Files of rules: from a folder or from any other tree, always as a mapping of path → bytes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from tool.errors import Fault, InputFaults
from tool.load.yaml_file import MAX_BYTES

Files = Mapping[str, bytes]
AREAS = ("gates", "lifecycle", "rollout", "safety", "retraining")


def read_folder(root: Path, folder: str, limit: int = MAX_BYTES) -> dict[str, bytes]:
    """Every file below `root/folder` by path relative to root, links not followed.

    Raises InputFaults for links and for files above `limit` bytes.
    """
    files: dict[str, bytes] = {}
    faults: list[Fault] = []
    for parent, folders, names in os.walk(root / folder):
        folders.sort()
        for name in sorted(names):
            full = Path(parent) / name
            path = full.relative_to(root).as_posix()
            if full.is_symlink():
                faults.append(Fault(path, 0, "", "is a symbolic link", "commit the file itself"))
            elif full.stat().st_size > limit:
                faults.append(Fault(path, 0, "", f"is larger than {limit >> 20} MiB", "split it"))
            else:
                files[path] = full.read_bytes()
    if faults:
        raise InputFaults(faults)
    return files


def read_policies(root: Path) -> dict[str, bytes]:
    """The YAML files below policies/."""
    return {path: data for path, data in read_folder(root, "policies").items() if path.endswith((".yaml", ".yml"))}


def policy_paths(files: Files, area: str) -> list[str]:
    """Policies of one area, sorted; its tests are left out."""
    start = f"policies/{area}/"
    return sorted(path for path in files if path.startswith(start) and "/" not in path[len(start) :])
