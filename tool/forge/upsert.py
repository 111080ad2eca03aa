"""What workflows want of the forge, each safe to repeat: one comment, one pull request a branch, the last success."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tool.forge.client import BROKEN, Forge, ForgeError

TRIES = 3
LARGEST_BODY = 65_536
"""Characters that the forge takes for a comment or a description."""
EXISTS = 422


def _shortened(body: str) -> str:
    note = "\n\n(shortened: the rest is in the job summary)\n"
    return body if len(body) <= LARGEST_BODY else body[: LARGEST_BODY - len(note)] + note


def _begins(each: dict[str, Any], marker: str) -> bool:
    return str(each.get("body") or "").startswith(marker)


def _of_a_machine(each: dict[str, Any]) -> bool:
    """A person's comment stays as it is, whatever it begins with."""
    return (each.get("user") or {}).get("type") == "Bot"


def _upsert(find: Callable[[], dict[str, Any] | None], change: Callable[[int], Any], create: Callable[[], Any]) -> Any:
    """Change what there is, else create it. When creating ends in doubt, look again before the next try."""
    for attempt in range(TRIES):
        there = find()
        if there is not None:
            return change(int(there.get("number") or there["id"]))
        try:
            return create()
        except ForgeError as error:
            if attempt == TRIES - 1 or error.status not in (0, EXISTS, *BROKEN):
                raise
    raise AssertionError("the loop returns or raises")


def comment(forge: Forge, number: int, marker: str, body: str) -> dict[str, Any]:
    """The one comment that begins with a marker, on a pull request: written, or brought up to date."""
    if not body.startswith(marker):
        body = f"{marker}\n{body}"
    text = {"body": _shortened(body)}

    def find() -> dict[str, Any] | None:
        listed = forge.pages(f"issues/{number}/comments")
        return next((each for each in listed if _of_a_machine(each) and _begins(each, marker)), None)

    done: dict[str, Any] = _upsert(
        find,
        lambda id: forge.send("PATCH", f"issues/comments/{id}", text),
        lambda: forge.send("POST", f"issues/{number}/comments", text),
    )
    return done


def pull_request(forge: Forge, branch: str, base: str, title: str, body: str) -> dict[str, Any]:
    """The open pull request of a branch: opened, or given the present title and description."""
    owner = forge.repository.partition("/")[0]
    text = {"title": title, "body": _shortened(body)}

    def find() -> dict[str, Any] | None:
        return next(forge.pages("pulls", state="open", head=f"{owner}:{branch}", base=base), None)

    done: dict[str, Any] = _upsert(
        find,
        lambda number: forge.send("PATCH", f"pulls/{number}", text),
        lambda: forge.send("POST", "pulls", {**text, "head": branch, "base": base}),
    )
    return done


def last_success(forge: Forge, workflow: str, branch: str = "main", event: str | None = None) -> datetime | None:
    """When the newest successful run of a workflow began; None: never, or no such workflow. Raises ForgeError."""
    query = {"branch": branch, "status": "success", "per_page": 1} | ({"event": event} if event else {})
    try:
        runs = forge.get(f"actions/workflows/{workflow}/runs", **query).get("workflow_runs", [])
        return datetime.strptime(runs[0]["created_at"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC) if runs else None
    except ForgeError as error:
        if error.status == 404:
            return None
        raise
    except (AttributeError, KeyError, TypeError, ValueError):
        raise ForgeError(f"{workflow}: the answer is no list of runs") from None
