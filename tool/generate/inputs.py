"""What everything generated depends on beside its own records: the program, shared facts and rules, the engine."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tool.generate.provenance import Digests
from tool.memo import digest_of

SHARED_FILES = frozenset({"registry/measurements/calibration.yaml", "evaluation/reserved.yaml"})
SHARED_FOLDERS = ("registry/recipes", "profiles/frameworks", "policies/safety")
"""Read for every answer, and named in its provenance."""
ENGINE = "registry/engines"
PACKAGES = ("numpy", "pydantic", "jinja2", "PyYAML")
"""Packages whose release could change a byte of an output."""
PROGRAM = Path(__file__).resolve().parents[1]
APART = ("tests", "templates", "__pycache__")
"""Folders of the program that no answer is made from; templates are inputs of the notebooks that use them."""


def rules_digest(root: Path, digests: Digests) -> str:
    """One digest of all that every output depends on. Its change redoes everything."""
    files = [*SHARED_FILES, f"{ENGINE}/state.yaml", "registry/republishers.yaml"]
    found = {path: digests.of(path) for path in sorted(files) if (root / path).is_file()}
    found |= {folder: digests.of_folder(folder) for folder in (*SHARED_FOLDERS, ENGINE) if (root / folder).is_dir()}
    return digest_of([program_digest(), found])


@lru_cache(maxsize=1)
def program_digest() -> str:
    """The program's own files (not its tests and templates) and the releases of what it computes with."""
    total = hashlib.sha256()
    for path in sorted(PROGRAM.rglob("*")):
        parts = path.relative_to(PROGRAM).parts
        if path.suffix in (".py", ".json", ".yaml") and not set(parts) & set(APART):
            total.update(f"{'/'.join(parts)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest_of([total.hexdigest(), {name: _release(name) for name in PACKAGES}])


def _release(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"
