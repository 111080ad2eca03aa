"""A prepared change → a commit on a branch of the bot → its pull request. Repeating it changes nothing more."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tool.errors import Violation
from tool.forge.client import Forge, ForgeError
from tool.forge.upsert import pull_request

SERVER = "https://github.com"
BOT, BOT_EMAIL = "ftc", "ftc@users.noreply.github.com"
"""The committer of what workflows prepare: its branches may be replaced, those of people may not."""


@dataclass(frozen=True)
class Change:
    """What is to be published. `author` is who asked for it; `message` begins with the title."""

    branch: str
    base: str
    paths: tuple[str, ...]
    message: str
    body: str
    author: str


def _git(root: Path, *arguments: str, **environment: str) -> str:
    """Run git. Raises ForgeError with git's own words."""
    done = subprocess.run(
        ["git", "-C", str(root), *arguments],
        env={**os.environ, "GIT_TERMINAL_PROMPT": "0", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        told = done.stderr.strip().splitlines() or ["no reason given"]
        raise ForgeError(f"git {arguments[0]}: {told[-1]}")
    return done.stdout.strip()


def credentials(token: str) -> dict[str, str]:
    """Environment that lets git push with a token, which then stands in no argument and in no file."""
    encoded = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    count = int(os.environ.get("GIT_CONFIG_COUNT", "0"))
    return {
        "GIT_CONFIG_COUNT": str(count + 1),
        f"GIT_CONFIG_KEY_{count}": f"http.{SERVER}/.extraheader",
        f"GIT_CONFIG_VALUE_{count}": f"AUTHORIZATION: basic {encoded}",
    }


def _commit(root: Path, change: Change) -> bool:
    """Commit the paths to the branch; False where they hold nothing new."""
    _git(root, "switch", "-q", "-C", change.branch)
    _git(root, "add", "--", *[path for path in change.paths if (root / path).exists()])
    if not _git(root, "diff", "--cached", "--name-only"):
        return False
    who = {"GIT_AUTHOR_NAME": change.author, "GIT_AUTHOR_EMAIL": f"{change.author}@users.noreply.github.com"}
    by = {"GIT_COMMITTER_NAME": BOT, "GIT_COMMITTER_EMAIL": BOT_EMAIL}
    _git(root, "commit", "-q", "-m", change.message, **who, **by)
    return True


def _push(root: Path, change: Change, address: str, access: dict[str, str]) -> None:
    """Replace the branch unless it is the same already. Raises Violation where a person has worked on it."""
    ref = f"refs/heads/{change.branch}"
    listed = _git(root, "ls-remote", address, ref, **access).split()
    there = listed[0] if listed else ""
    if there:
        _git(root, "fetch", "-q", address, ref, **access)
        email = _git(root, "log", "-1", "--format=%ce", there)
        if email != BOT_EMAIL:
            raise Violation(f"the branch {change.branch} ends with a commit by {email}; merge it, or delete it first")
        same = "%T %P %an %B"
        if _git(root, "log", "-1", f"--format={same}", there) == _git(root, "log", "-1", f"--format={same}", "HEAD"):
            return
    _git(root, "push", "-q", f"--force-with-lease={ref}:{there}", address, f"HEAD:{ref}", **access)


def publish(root: Path, change: Change, forge: Forge, token: str) -> dict[str, Any] | None:
    """Commit, push, and open or update the pull request; its record. None where nothing changed.

    Raises ForgeError, and Violation for a branch that holds somebody else's work.
    """
    if not _commit(root, change):
        return None
    _push(root, change, f"{SERVER}/{forge.repository}.git", credentials(token))
    title = change.message.splitlines()[0]
    return pull_request(forge, change.branch, change.base, title, change.body)


def arguments_of(paths: Sequence[str]) -> tuple[str, ...]:
    """Paths as they may follow `git add --`: inside the checkout. Raises Violation."""
    for path in paths:
        if path.startswith("/") or ".." in Path(path).parts:
            raise Violation(f"{path!r} leads out of the checkout")
    return tuple(paths)
