"""A workflow as parsed YAML (every value a string): its jobs and their steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

APP_TOKEN = "actions/create-github-app-token"
Workflow = dict[str, Any]


def jobs_of(workflow: Workflow) -> Iterator[tuple[str, dict[str, Any]]]:
    yield from (workflow.get("jobs") or {}).items()


def steps_of(job: dict[str, Any], action: str | None = None) -> list[dict[str, Any]]:
    """The steps of a job, or those that use an action."""
    steps: list[dict[str, Any]] = job.get("steps") or []
    return [step for step in steps if action is None or str(step.get("uses", "")).startswith(f"{action}@")]
