"""Artifacts of one named workflow on one branch of one repository → unpacked event files, a folder a person.

Runs of forks and of pull requests never count.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tool.errors import BadRequest
from tool.forge.client import Forge
from tool.telemetry.files import Refused
from tool.telemetry.limits import Limits
from tool.telemetry.unpack import unpack

DAYS = 90
"""Artifacts are kept so long by default."""
PREFIX = "telemetry-"
TRUSTED_EVENTS = ("push", "schedule", "workflow_dispatch")
LARGEST_ZIP = 32 << 20
MOST_ARTIFACTS = 2_000


@dataclass
class Gathered:
    """Files that were unpacked, below the folder that was given, and what was refused."""

    artifacts: int = 0
    files: list[str] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


def gather(repository: str, workflow: str, branch: str, into: Path, limits: Limits, now: datetime) -> Gathered:
    """Download and unpack to `into/<number of the account>/<number of the artifact>/`.

    The account that ran the workflow is the source of its events: per-source caps and weights then hold per account.
    """
    if not re.fullmatch(r"[\w.-]+", workflow):
        raise BadRequest("--workflow", f"{workflow!r} is no file name", "e.g. train.yml")
    forge, done = Forge.of_environment(repository), Gathered()
    since = (now - timedelta(days=DAYS)).strftime("%Y-%m-%d")
    question = {"branch": branch, "status": "completed", "created": f">={since}"}
    for run in forge.pages(f"actions/workflows/{workflow}/runs", "workflow_runs", **question):
        reason = _against(run, repository, branch)
        if reason:
            done.refused.append(Refused(f"run {run.get('id')}", reason))
            continue
        source = str(int((run.get("actor") or {}).get("id") or 0))
        for artifact in forge.pages(f"actions/runs/{int(run['id'])}/artifacts", "artifacts"):
            if str(artifact.get("name", "")).startswith(PREFIX) and not artifact.get("expired"):
                _take(forge, artifact, into / source, limits, done)
    return done


def _against(run: dict[str, Any], repository: str, branch: str) -> str | None:
    """Why a run's artifacts are not trusted, or None. The question asked for the branch; the answer is not trusted."""
    if (run.get("head_repository") or {}).get("full_name") != repository:
        return "comes from another repository"
    if run.get("head_branch") != branch:
        return f"is not on {branch}"
    return None if run.get("event") in TRUSTED_EVENTS else "was not started by a push, a schedule or a person"


def _take(forge: Forge, artifact: dict[str, Any], into: Path, limits: Limits, done: Gathered) -> None:
    """Download and unpack one artifact, unless it is too large or one too many."""
    number = int(artifact["id"])
    done.artifacts += 1
    if done.artifacts > MOST_ARTIFACTS or int(artifact.get("size_in_bytes") or 0) > LARGEST_ZIP:
        done.refused.append(Refused(f"artifact {number}", "is too large, or one of too many"))
        return
    with tempfile.TemporaryDirectory(prefix="ftc-artifact-") as folder:
        archive = Path(folder) / f"{number}.zip"
        with archive.open("wb") as file:
            forge.download(f"actions/artifacts/{number}/zip", file, LARGEST_ZIP)
        files, refused = unpack(archive, into, limits)
    done.files += [f"{into.name}/{name}" for name in files]
    done.refused += refused
