"""A job that runs packages which nobody has tried yet, and one that holds a token, are never the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tool.govern.workflow_parts import APP_TOKEN, Workflow, jobs_of, steps_of

ADOPT, PUBLISH = ".venv/bin/ftc deps adopt", "-m tool.forge publish"
UNTRIED = re.compile(
    r"\bpip3? +install\b|\buv +(pip|sync|run)\b|\bnpm +\w|\btool\.tests\b|\bdeps +(update|bisect)\b|\bmake +(?!setup\b)"
)
"""What runs packages besides those of the repository's own lock."""


def _untried(job: dict[str, Any]) -> list[str]:
    """What a job runs besides the repository's own locked packages."""
    return [found[0] for step in steps_of(job) for found in UNTRIED.finditer(str(step.get("run", "")))]


def apart(name: str, workflow: Workflow, text: str) -> Iterator[str]:
    """Packages that nobody has tried yet run where no token is, and what they leave is checked first."""
    for id, job in jobs_of(workflow):
        untried = _untried(job)
        if steps_of(job, APP_TOKEN):
            yield from (f"job {id} holds the app's token and runs `{one}`" for one in untried)
        if name != "dependencies.yml":
            continue
        if untried and (job.get("permissions") != {"contents": "read"} or "environment" in job):
            yield f"job {id} runs packages that nobody has tried, and may do more than read"
        if untried and re.search(r"github\.token|secrets\b|GITHUB_TOKEN|GH_TOKEN", str(job)):
            yield f"job {id} runs packages that nobody has tried, and is given a token"
        if any(PUBLISH in str(step.get("run", "")) for step in steps_of(job)):
            yield from _handed_over(id, job)


def _handed_over(id: str, job: dict[str, Any]) -> Iterator[str]:
    """A job that publishes what another one tried: only after its success, and after the check, which may not fail."""
    steps = steps_of(job)
    places = [at for at, step in enumerate(steps) if ADOPT in str(step.get("run", ""))]
    published = next(at for at, step in enumerate(steps) if PUBLISH in str(step.get("run", "")))
    if not places or places[0] > published:
        yield f"job {id} publishes what `{ADOPT}` has not checked"
    elif "if" in steps[places[0]] or re.search(r"\|\||set \+e|;|&", str(steps[places[0]]["run"])):
        yield f"job {id} does not mind when `{ADOPT}` fails"
    if not job.get("needs") or re.search(r"always|failure|cancelled", str(job.get("if", ""))):
        yield f"job {id} publishes what did not train"
    if any(step.get("if") for step in steps[:published]):
        yield f"job {id} may leave out a step before it publishes"
