"""What every workflow must keep so that a pull request cannot judge itself, and no token can do more than it needs.

Each rule has a name, and reads one workflow as parsed YAML (every value a string) beside its text. `ftc doctor` runs
them on the checkout; the tests revert each guarded line once and see the rule speak.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

from tool.govern.finding import Finding
from tool.govern.workflow_apart import apart
from tool.govern.workflow_parts import APP_TOKEN, Workflow, jobs_of, steps_of

FOLDER = ".github/workflows"
CHECKOUT = "actions/checkout"
TRIGGERS = {"pull_request", "merge_group", "schedule", "workflow_dispatch", "push"}
READ_ONLY = {"contents": "read", "actions": "read"}
"""What a job may have without being named below."""
ALLOWED: dict[tuple[str, str], dict[str, str]] = {
    ("gates.yml", "comment"): {"contents": "read", "pull-requests": "write"},
    ("pages.yml", "deploy"): {"pages": "write", "id-token": "write"},
}
"""Workflow and job → what it may have instead. Nothing of a pull request runs in them."""
SUMMARIES = {"pull-request.yml": ("all-passed", ()), "gates.yml": ("gates-passed", ("comment",))}
"""Workflow → its summary job, which the ruleset requires, and the jobs that it need not wait for."""
SUMMARY_SCRIPT = """\
echo "results: ${RESULTS}"
for result in ${RESULTS}; do
  test "${result}" = success
done
"""
BASE = "${{ github.event.pull_request.base.sha || github.event.merge_group.base_sha }}"
BASE_OF_REQUEST = "${{ github.event.pull_request.base.sha }}"
STATE_WRITERS = ("canary.yml", "promote.yml", "rollback.yml")
"""They move the state of engines, one at a time."""
COMMENT_IF = (
    "always() && github.event_name == 'pull_request' && github.event.pull_request.head.repo.full_name == "
    "github.repository"
)
STEPS: dict[tuple[str, str], tuple[tuple[str, str | None], ...]] = {
    ("pull-request.yml", "validate"): (("ftc validate", None), ("make lint", None)),
    ("pull-request.yml", "drift"): ((".venv/bin/ftc generate --check", None),),
    ("pull-request.yml", "evaluate"): (('.venv/bin/ftc evaluate --base "${BASE_SHA}"', None),),
    ("pull-request.yml", "tests"): (("make test", None), ("git status --porcelain", None)),
    ("gates.yml", "govern"): (
        ("base/.venv/bin/ftc policy test --root change", None),
        ('base/.venv/bin/ftc verify --root change --base "${BASE_SHA}" --output json', None),
        ('base/.venv/bin/ftc evaluate --root change --engine "${ENGINE}"', "steps.look.outputs.engine != ''"),
        ("base/.venv/bin/ftc canary verdict --root base", "steps.look.outputs.canary != ''"),
        ('exit "${status}"', "!cancelled() && steps.look.outcome == 'success'"),
        ("base/.venv/bin/ftc generate --check --root change", "steps.look.outputs.moves != '0'"),
    ),
}
"""Workflow and job → what its judging steps run, in order, and the condition that each may have."""
JUDGE = (
    'options+=(--recomputed "${RUNNER_TEMP}/evaluation.json")',
    'options+=(--recomputed-health "${RUNNER_TEMP}/health.json")',
    'base/.venv/bin/ftc verify --root change --base "${BASE_SHA}" "${options[@]}"',
    "|| status=$?",
)
KEYS = {"name", "on", "permissions", "concurrency", "jobs"}
JOB_KEYS = {"name", "if", "needs", "runs-on", "timeout-minutes", "environment", "permissions", "env", "outputs"} | {
    "steps",
    "strategy",
}
LOADERS = {"PATH", "BASH_ENV", "ENV", "SHELLOPTS", "LD_PRELOAD", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONSTARTUP"}
"""Variables through which a script runs something else than it says."""
PINNED = re.compile(r"^\s*(?:- )?uses: (?:\./\S+|[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+(?:\.\d+)*)$")
Rule = Callable[[str, Workflow, str], Iterator[str]]


def _one_line(text: object) -> str:
    return " ".join(str(text).split())


def _pipes_without_care(script: str) -> bool:
    """The forge's shell counts the last command of a pipe alone, unless it is told otherwise (`bash -e`)."""
    piped = re.search(r"(?<!\|)\|(?!\|)", re.sub(r"'[^']*'", "''", script))
    return bool(piped) and not script.startswith("set -o pipefail\n")


def triggers(name: str, workflow: Workflow, text: str) -> Iterator[str]:
    """Only triggers whose token and code are of one trust; what is required runs on every pull request and queue."""
    on = workflow.get("on") or {}
    for trigger in sorted(set(on) - TRIGGERS):
        yield f"runs on {trigger}, which gives a stranger's change a token that can write"
    if name in SUMMARIES and on != {"pull_request": "", "merge_group": ""}:
        yield "must run on every pull_request and merge_group, without filters"


def permissions(name: str, workflow: Workflow, text: str) -> Iterator[str]:
    """Nothing for all jobs; each job names the least that it needs."""
    if workflow.get("permissions") != {}:
        yield "permissions at the top must be {}"
    for id, job in jobs_of(workflow):
        granted = job.get("permissions")
        if not isinstance(granted, dict):
            yield f"job {id} names no permissions"
            continue
        allowed = ALLOWED.get((name, id), READ_ONLY)
        for scope, access in granted.items():
            if allowed.get(scope) not in (access, "write"):
                yield f"job {id} may not have {scope}: {access}"


def pins(name: str, workflow: Workflow, text: str) -> Iterator[str]:
    """Actions of others are pinned to a commit, with the tag beside it for people."""
    for line in text.splitlines():
        if re.match(r"^\s*(?:- )?uses:", line) and not PINNED.match(line):
            yield f"{line.strip()!r} is no commit with its tag beside it"


def checkouts(name: str, workflow: Workflow, text: str) -> Iterator[str]:
    """No checkout leaves the token behind for the steps that follow."""
    for id, job in jobs_of(workflow):
        for step in steps_of(job, CHECKOUT):
            if (step.get("with") or {}).get("persist-credentials") != "false":
                yield f"job {id}: a checkout keeps the token (persist-credentials)"


def scripts(name: str, workflow: Workflow, text: str) -> Iterator[str]:
    """Scripts get values through the environment, run whole on the forge's machines, and may not fail in silence."""
    for key in sorted(set(workflow) - KEYS):
        yield f"{key} changes what every job runs"
    for id, job in jobs_of(workflow):
        for key in sorted(set(job) - JOB_KEYS - {"continue-on-error"}):
            yield f"job {id}: {key} runs or changes what the steps do not show"
        if not re.fullmatch(r"ubuntu-\d\d\.\d\d", str(job.get("runs-on"))):
            yield f"job {id} does not run on a named machine of the forge"
        if not str(job.get("timeout-minutes", "")).isdigit():
            yield f"job {id} has no time limit"
        for step in [job, *steps_of(job)]:
            if "continue-on-error" in step:
                yield f"job {id} goes on after an error"
            for variable in sorted(LOADERS & set(step.get("env") or {})):
                yield f"job {id} sets {variable}"
        for step in steps_of(job):
            if "${{" in str(step.get("run", "")):
                yield f"job {id}: a script holds an expression, through which text becomes code"
            if _pipes_without_care(str(step.get("run", ""))):
                yield f"job {id}: a pipe hides that its first command failed (begin with `set -o pipefail`)"
            if re.search(r"GITHUB_(ENV|PATH)\b", str(step.get("run", ""))):
                yield f"job {id}: a script changes the environment of the steps after it"
            if "working-directory" in step or "shell" in step:
                yield f"job {id}: a script runs at another place or in another shell than the rest"


def secrets(name: str, workflow: Workflow, text: str) -> Iterator[str]:
    """Secrets go to the app's token alone, in the protected environment, on main, where no pull request leads."""
    for id, job in jobs_of(workflow):
        apps = steps_of(job, APP_TOKEN)
        shown = re.findall(r"secrets\b", str({key: value for key, value in job.items() if key != "steps"}))
        shown += [found for step in steps_of(job) if step not in apps for found in re.findall(r"secrets\b", str(step))]
        if shown:
            yield f"job {id}: a secret is used elsewhere than for the app's token"
        if not apps:
            continue
        if job.get("environment") != "engines":
            yield f"job {id} uses secrets outside of the protected environment"
        if {"pull_request", "merge_group", "push"} & set(workflow.get("on") or {}):
            yield f"job {id} uses secrets where a change can start it"
        if any((step.get("with") or {}).get("ref") != "main" for step in steps_of(job, CHECKOUT)):
            yield f"job {id} uses secrets on another branch than main"
        for step in apps:
            asked = {key for key in step.get("with") or {} if key.startswith("permission-")}
            if asked != {"permission-contents", "permission-pull-requests"}:
                yield f"job {id}: the app's token must be narrowed to contents and pull-requests"


def concurrency(name: str, workflow: Workflow, text: str) -> Iterator[str]:
    """One run of a kind at a time; those that move the state share a group, and none of them is cut short."""
    group = workflow.get("concurrency") or {}
    if not group.get("group"):
        yield "has no concurrency group"
    if name in STATE_WRITERS and group != {"group": "engine-state", "cancel-in-progress": "false"}:
        yield "moves the state of engines outside of their one queue"


def summary(name: str, workflow: Workflow, text: str) -> Iterator[str]:
    """The required check always runs, waits for every other job, and counts only success: skipped is not a pass."""
    if name not in SUMMARIES:
        return
    id, spared = SUMMARIES[name]
    jobs = dict(jobs_of(workflow))
    job = jobs.get(id) or {}
    if job.get("name") != id:
        yield f"has no job named {id}, which the ruleset requires"
    if job.get("if") != "always()":
        yield f"job {id} does not always run"
    if set(job.get("needs") or ()) != set(jobs) - {id, *spared}:
        yield f"job {id} does not wait for every other job"
    steps = steps_of(job)
    if len(steps) != 1 or steps[0].get("env") != {"RESULTS": "${{ join(needs.*.result, ' ') }}"}:
        yield f"job {id} does not look at the result of every job"
    elif steps[0].get("run") != SUMMARY_SCRIPT or "if" in steps[0]:
        yield f"job {id} counts something else than success"


def judging(name: str, workflow: Workflow, text: str) -> Iterator[str]:
    """The steps that judge are all there, in order, and none runs on a condition that lets a change through."""
    jobs = dict(jobs_of(workflow))
    for (file, id), wanted in STEPS.items():
        if file != name:
            continue
        steps = iter(steps_of(jobs.get(id) or {}))
        if "if" in (jobs.get(id) or {}) or "needs" in (jobs.get(id) or {}):
            yield f"job {id} may be skipped"
        for command, condition in wanted:
            found = next((step for step in steps if command in str(step.get("run", ""))), None)
            if found is None:
                yield f"job {id} lacks the step that runs `{command}`"
                break
            if found.get("if") != condition:
                yield f"job {id} runs `{command}` on another condition"
            swallowed = "|| status=$?" in found["run"] and 'exit "${status}"' not in found["run"]
            if swallowed or re.search(r"\|\| *(true|:)|set \+e", str(found["run"])):
                yield f"job {id} does not mind when `{command}` fails"


def base_judges(name: str, workflow: Workflow, text: str) -> Iterator[str]:
    """gates.yml: the base's program and rules judge, the change is data, and only the base's program comments."""
    if name != "gates.yml":
        return
    jobs = dict(jobs_of(workflow))
    govern, comment = jobs.get("govern") or {}, jobs.get("comment") or {}
    first, *rest = [step.get("with") or {} for step in steps_of(govern, CHECKOUT)] or [{}]
    if first.get("ref") != BASE or first.get("path") != "base":
        yield "the base is not checked out first, at the base's commit"
    if [(each.get("path"), each.get("fetch-depth"), each.get("ref")) for each in rest] != [("change", "0", None)]:
        yield "the change is not checked out beside the base, with its history"
    if (govern.get("env") or {}).get("BASE_SHA") != BASE:
        yield "BASE_SHA is not the base's commit"
    for step in steps_of(govern):
        told = str(step.get("run", ""))
        if re.search(r"change/\S*(?:bin|\.py|\.sh)\b|make -C change|cd change|(?<!base/)\.venv/", told):
            yield f"step {step.get('name')!r} runs something of the change"
        if "BASE_SHA" in (step.get("env") or {}):
            yield f"step {step.get('name')!r} names another base"
    judge = next((step for step in steps_of(govern) if 'exit "${status}"' in str(step.get("run", ""))), {})
    missing = [part for part in JUDGE if part not in str(judge.get("run", ""))]
    if missing:
        yield f"the step that judges lacks {missing[0]!r}"
    if _one_line(comment.get("if")) != COMMENT_IF:
        yield "the comment may be written for a fork, or left out when the change is blocked"
    if [(step.get("with") or {}).get("ref") for step in steps_of(comment, CHECKOUT)] != [BASE_OF_REQUEST]:
        yield "the comment is not written by the base's program"


def schedules(names: list[str], parsed: dict[str, Workflow]) -> Iterator[str]:
    """freshness.yml watches every schedule but its own, so that none dies unseen."""
    watch = str(parsed.get("freshness.yml", {}).get("jobs"))
    for name in names:
        if (
            "schedule" in (parsed[name].get("on") or {})
            and name != "freshness.yml"
            and f"{name}:schedule=" not in watch
        ):
            yield f"freshness.yml does not watch the schedule of {name}"


RULES: dict[str, Rule] = {
    "triggers": triggers,
    "permissions": permissions,
    "pins": pins,
    "checkouts": checkouts,
    "scripts": scripts,
    "secrets": secrets,
    "apart": apart,
    "concurrency": concurrency,
    "summary": summary,
    "judging": judging,
    "base-judges": base_judges,
}


def check_workflows(texts: dict[str, str]) -> list[Finding]:
    """Every rule on every workflow, given as file name → text."""
    findings, parsed = [], {}
    for name, text in sorted(texts.items()):
        try:
            loaded = yaml.load(text, Loader=yaml.CBaseLoader)
        except yaml.YAMLError as error:
            loaded, problem = None, str(error).replace("\n", " ")
        else:
            problem = "is no mapping"
        if not isinstance(loaded, dict):
            findings.append(Finding("workflow.unreadable", problem, "mend it", f"{FOLDER}/{name}"))
            continue
        parsed[name] = loaded
        for id, rule in RULES.items():
            mend = " ".join((rule.__doc__ or "").split())
            findings += [Finding(f"workflow.{id}", told, mend, f"{FOLDER}/{name}") for told in rule(name, loaded, text)]
    for name in SUMMARIES.keys() - parsed.keys():
        findings.append(Finding("workflow.missing", "is not there, and is required", "restore it", f"{FOLDER}/{name}"))
    watched = f"{FOLDER}/freshness.yml"
    mend = " ".join((schedules.__doc__ or "").split())
    findings += [Finding("workflow.schedules", told, mend, watched) for told in schedules(sorted(parsed), parsed)]
    return sorted(findings)


def read_workflows(root: Path) -> dict[str, str]:
    """File name → text of every workflow of a checkout."""
    found = [path for ending in ("*.yml", "*.yaml") for path in (root / FOLDER).glob(ending)]
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(found)}
