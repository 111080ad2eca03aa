"""Artifacts of one named workflow on one branch of one repository → unpacked event files, a folder a person.

Everything goes through `gh api`, so that the token stays with gh. Runs of forks and of pull requests never count.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tool.errors import BadRequest, FtcError
from tool.telemetry.files import Refused
from tool.telemetry.limits import Limits
from tool.telemetry.unpack import unpack

DAYS = 90
"""Artifacts are kept so long by default."""
PREFIX = "telemetry-"
TRUSTED_EVENTS = ("push", "schedule", "workflow_dispatch")
LARGEST_ZIP = 32 << 20
MOST_ARTIFACTS = 2_000
TIMEOUT_SECONDS = 300


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
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository) or not re.fullmatch(r"[\w.-]+", workflow):
        raise BadRequest(
            "--repository", "is no owner/name, or the workflow no file name", "e.g. acme/models, train.yml"
        )
    done = Gathered()
    since = (now - timedelta(days=DAYS)).strftime("%Y-%m-%d")
    question = f"branch={branch}&status=completed&created=%3E%3D{since}&per_page=100"
    runs = _pages(f"repos/{repository}/actions/workflows/{workflow}/runs?{question}", "workflow_runs")
    for run in runs:
        reason = _against(run, repository, branch)
        if reason:
            done.refused.append(Refused(f"run {run.get('id')}", reason))
            continue
        source = str(int((run.get("actor") or {}).get("id") or 0))
        for artifact in _pages(f"repos/{repository}/actions/runs/{int(run['id'])}/artifacts?per_page=100", "artifacts"):
            if str(artifact.get("name", "")).startswith(PREFIX) and not artifact.get("expired"):
                _take(repository, artifact, into / source, limits, done)
    return done


def _against(run: dict[str, Any], repository: str, branch: str) -> str | None:
    """Why a run's artifacts are not trusted, or None. The question asked for the branch; the answer is not trusted."""
    if (run.get("head_repository") or {}).get("full_name") != repository:
        return "comes from another repository"
    if run.get("head_branch") != branch:
        return f"is not on {branch}"
    return None if run.get("event") in TRUSTED_EVENTS else "was not started by a push, a schedule or a person"


def _take(repository: str, artifact: dict[str, Any], into: Path, limits: Limits, done: Gathered) -> None:
    """Download and unpack one artifact, unless it is too large or one too many."""
    number = int(artifact["id"])
    done.artifacts += 1
    if done.artifacts > MOST_ARTIFACTS or int(artifact.get("size_in_bytes") or 0) > LARGEST_ZIP:
        done.refused.append(Refused(f"artifact {number}", "is too large, or one of too many"))
        return
    with tempfile.TemporaryDirectory(prefix="ftc-artifact-") as folder:
        archive = Path(folder) / f"{number}.zip"
        with archive.open("wb") as file:
            _gh(f"repos/{repository}/actions/artifacts/{number}/zip", file)
        files, refused = unpack(archive, into, limits)
    done.files += [f"{into.name}/{name}" for name in files]
    done.refused += refused


def _pages(path: str, key: str) -> list[dict[str, Any]]:
    """The items of all pages of an answer."""
    found: list[dict[str, Any]] = []
    page = 1
    while True:
        text = _gh(f"{path}&page={page}")
        try:
            items = json.loads(text)[key]
        except (ValueError, KeyError, TypeError):
            raise FtcError(f"gh api {path}: answered something else than {key}") from None
        found += items
        if len(items) < 100:
            return found
        page += 1


def _gh(path: str, file: Any = None) -> bytes:
    """Ask gh. Raises FtcError with gh's own words."""
    output = file if file is not None else subprocess.PIPE
    try:
        done = subprocess.run(
            ["gh", "api", path], stdout=output, stderr=subprocess.PIPE, check=False, timeout=TIMEOUT_SECONDS
        )
    except FileNotFoundError:
        raise FtcError("gh is not installed, and artifacts are gathered with it (cli.github.com)") from None
    except subprocess.TimeoutExpired:
        raise FtcError(f"gh api {path}: no answer within {TIMEOUT_SECONDS} s") from None
    if done.returncode:
        told = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no reason given"]
        raise FtcError(f"gh api {path}: {told[-1]}")
    return done.stdout or b""
