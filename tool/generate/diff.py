"""Compare the recommendations that a base revision checked in with those that the working tree would generate."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tool.errors import BadRequest, FtcError
from tool.generate.plan import plan
from tool.load import Repo

FOLDER = "generated/recommendations"
TOP = ("confidence", "constrained_safe", "effective_batch_size", "estimated_hours", "strategy", "engine", "slot")
MEMORY = ("upper_gib", "allocated_gib", "usable_gib", "verdict")


def base_recommendations(root: Path, base: str) -> dict[str, dict[str, Any]]:
    """Answers as checked in at `base`, by entry. Raises BadRequest when git does not know the revision."""
    base = _commit(root, base)
    listed = _git(root, "ls-tree", "--name-only", base, "--", FOLDER)
    if not listed.strip():
        return {}
    answers = {}
    with tarfile.open(fileobj=io.BytesIO(_git(root, "archive", base, "--", FOLDER))) as archive:
        for member in archive.getmembers():
            file = archive.extractfile(member)
            if file is not None and member.name.endswith(".json"):
                answers[member.name[len(FOLDER) + 1 : -5]] = json.load(file)["answer"]
    return answers


def _commit(root: Path, base: str) -> str:
    """The commit that a revision names."""
    _git(root, "rev-parse", "--git-dir")
    try:
        found = _git(root, "rev-parse", "--verify", "--end-of-options", base + "^{commit}")
    except (FtcError, ValueError):
        mend = "name a branch, a tag or a commit that was fetched, e.g. origin/main"
        raise BadRequest("base", f"git knows no commit {base[:80]!r}", mend) from None
    return found.decode().strip()


def _git(root: Path, *arguments: str) -> bytes:
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, check=False)
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().splitlines()
        raise FtcError(f"git {arguments[0]}: {reason[-1] if reason else 'failed'}")
    return done.stdout


def planned_recommendations(repo: Repo, jobs: int, tick: Callable[[int], None]) -> dict[str, dict[str, Any]]:
    """Answers that the working tree would generate, by entry."""
    files = plan(repo, jobs=jobs, tick=tick)
    return {
        path[len(FOLDER) + 1 : -5]: json.loads(content)["answer"]
        for path, content in files.items()
        if path.startswith(FOLDER + "/")
    }


def moved(before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Entries that were added, removed or changed, with old and new value of each field that differs."""
    moves = []
    for entry in sorted(set(before) | set(after)):
        old, new = flat(before.get(entry)), flat(after.get(entry))
        fields = {name: [old.get(name), new.get(name)] for name in sorted(old | new) if old.get(name) != new.get(name)}
        if fields:
            change = "added" if entry not in before else "removed" if entry not in after else "changed"
            moves.append({"entry": entry, "change": change, "fields": fields})
    return moves


def flat(answer: dict[str, Any] | None) -> dict[str, Any]:
    """What a reviewer compares: the configuration, memory, confidence and pins."""
    if answer is None:
        return {}
    vram = answer.get("vram") or {}
    dependencies = answer.get("dependencies") or {}
    values = dict(answer["config"])
    values |= {name: answer.get(name) for name in TOP}
    values |= {f"vram.{name}": vram.get(name) for name in MEMORY}
    values["dependencies.stack"] = dependencies.get("stack")
    return values
