"""The digests that bind evidence to what it was computed with. All are sha256 in hex."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from tool.policy.files import Files, policy_paths
from tool.schema.engine import Engine

GOLDEN = "evaluation/golden_dataset.jsonl"
CEILINGS = "evaluation/ceilings.yaml"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def canonical_json(value: Any) -> bytes:
    """The one byte form of a report: sorted keys, two spaces, UTF-8, final newline. Raises ValueError for NaN."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return text.encode() + b"\n"


def files_digest(files: Files, paths: Iterable[str]) -> str:
    """Digest of some files: names and contents, in order of name."""
    return sha256("".join(f"{sha256(files[path])}  {path}\n" for path in sorted(paths)).encode())


def policy_digest(files: Files) -> str:
    """All rules in force: policies and waivers, without their tests."""
    return files_digest(files, (path for path in files if path.startswith("policies/") and "/tests/" not in path))


def gates_digest(files: Files) -> str:
    """The gates alone. A waiver names a report, so a report must not depend on the waivers."""
    return files_digest(files, policy_paths(files, "gates"))


def engine_digest(engine: Engine) -> str:
    """An engine's identity: artifacts (by their own digests) and origin. Its evaluation is about it, not part of it."""
    return sha256(canonical_json(engine.model_dump(mode="json", include={"artifacts", "trained_on"})))
