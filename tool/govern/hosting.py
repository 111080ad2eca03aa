"""What the hosting side must do for the rules to hold: CODEOWNERS, the ruleset of the main branch, workflows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tool.govern.workflow_rules import check_workflows, read_workflows
from tool.load.records import read_record
from tool.load.yaml_file import YamlFile
from tool.schema.owners import Owners

OWNERS, CODEOWNERS = "policies/owners.yaml", ".github/CODEOWNERS"
RULESET, TEMPLATE, WORKFLOWS = ".github/rulesets/main.json", ".github/pull_request_template.md", ".github/workflows"


@dataclass(frozen=True)
class Check:
    """One thing that `ftc doctor` looked at. `unknown`: it cannot be seen from a checkout."""

    id: str
    status: Literal["ok", "todo", "unknown"]
    message: str
    remedy: str = ""


def read_owners(root: Path) -> Owners:
    """Raises InputFaults."""
    return read_record(root, OWNERS, Owners)


def codeowners(owners: Owners) -> bytes:
    """The bytes of .github/CODEOWNERS."""
    width = max(len(owner.path) for owner in owners.owners)
    lines = [f"# Made from {OWNERS} by `ftc doctor --write`; the last match counts."]
    for owner in owners.owners:
        lines += ["", f"# {owner.why}", f"{owner.path:<{width}} {' '.join(owner.teams)}"]
    return ("\n".join(lines) + "\n").encode()


def rule(ruleset: dict[str, Any], kind: str) -> dict[str, Any] | None:
    """The parameters of one rule of a ruleset; None where it lacks the rule."""
    for each in ruleset.get("rules", []):
        if each.get("type") == kind:
            parameters: dict[str, Any] = each.get("parameters") or {}
            return parameters
    return None


def ruleset_problems(ruleset: dict[str, Any]) -> Iterator[str]:
    """What a ruleset leaves open that governance relies on."""
    if ruleset.get("enforcement") != "active":
        yield "is not active"
    if ruleset.get("bypass_actors"):
        yield "lets somebody bypass it"
    if "~DEFAULT_BRANCH" not in ruleset.get("conditions", {}).get("ref_name", {}).get("include", []):
        yield "does not protect the default branch"
    for kind in ("deletion", "non_fast_forward"):
        if rule(ruleset, kind) is None:
            yield f"lacks the rule {kind}"
    reviews = rule(ruleset, "pull_request") or {}
    if not reviews.get("required_approving_review_count"):
        yield "requires no approval"
    for setting in ("dismiss_stale_reviews_on_push", "require_code_owner_review", "require_last_push_approval"):
        if reviews.get(setting) is not True:
            yield f"does not set {setting}"
    checks = rule(ruleset, "required_status_checks") or {}
    if not checks.get("required_status_checks"):
        yield "requires no status check"
    if any(not check.get("integration_id") for check in checks.get("required_status_checks", [])):
        yield "has a required check that any app may report"
    if checks.get("strict_required_status_checks_policy") is not True and rule(ruleset, "merge_queue") is None:
        yield "neither requires branches to be up to date nor has a merge queue"


def required_checks(ruleset: dict[str, Any]) -> list[str]:
    checks = rule(ruleset, "required_status_checks") or {}
    return [check["context"] for check in checks.get("required_status_checks", [])]


def _read_ruleset(root: Path) -> dict[str, Any] | Check:
    try:
        data = json.loads((root / RULESET).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return Check("ruleset", "todo", f"{RULESET} cannot be read: {error}", "restore it")
    return data if isinstance(data, dict) else Check("ruleset", "todo", f"{RULESET} is no ruleset", "restore it")


def _owners_check(root: Path) -> Check:
    wanted = codeowners(read_owners(root))
    path = root / CODEOWNERS
    if path.is_file() and path.read_bytes() == wanted:
        return Check("codeowners", "ok", f"{CODEOWNERS} follows from {OWNERS}")
    return Check("codeowners", "todo", f"{CODEOWNERS} does not follow from {OWNERS}", "run `ftc doctor --write`")


def _job_names(root: Path) -> set[str]:
    """The names under which the jobs of pull-request workflows report."""
    names = set()
    for path in sorted((root / WORKFLOWS).glob("*.yml")):
        file = YamlFile.read(root, path.relative_to(root).as_posix())
        jobs = file.data.get("jobs", {}) if isinstance(file.data, dict) else {}
        names |= {str(job.get("name", id)) for id, job in jobs.items() if isinstance(job, dict)}
    return names


def _ruleset_checks(root: Path) -> Iterator[Check]:
    ruleset = _read_ruleset(root)
    if isinstance(ruleset, Check):
        yield ruleset
        return
    problems = list(ruleset_problems(ruleset))
    if problems:
        yield Check("ruleset", "todo", f"{RULESET} {'; '.join(problems)}", "restore the setting")
    else:
        yield Check("ruleset", "ok", f"{RULESET} protects the main branch")
    missing = sorted(set(required_checks(ruleset)) - _job_names(root))
    if missing:
        told = f"no workflow has a job named {', '.join(missing)}, which the ruleset requires"
        yield Check("required-checks", "todo", told, f"name the job so, or mend {RULESET}")
    else:
        yield Check("required-checks", "ok", "every required check is a job of a workflow")


def workflow_checks(root: Path) -> Iterator[Check]:
    """The security rules of the workflows, each broken one as something to do."""
    findings = check_workflows(read_workflows(root))
    for finding in findings:
        yield Check(finding.id, "todo", f"{finding.path}: {finding.message}", f"revert the line: {finding.remedy}")
    if not findings:
        yield Check("workflows", "ok", "every workflow keeps the security rules of tool/govern/workflow_rules.py")


def _live_checks(live: dict[str, Any] | None, wanted: dict[str, Any] | Check) -> Iterator[Check]:
    """The ruleset that the hosting side applies, as exported from it."""
    command = "gh api repos/OWNER/REPO/rulesets/ID > live.json && ftc doctor --live live.json"
    if live is None:
        yield Check("live-ruleset", "unknown", "the ruleset in force cannot be seen from a checkout", command)
        return
    problems = list(ruleset_problems(live))
    if isinstance(wanted, dict):
        lacking = sorted(set(required_checks(wanted)) - set(required_checks(live)))
        problems += [f"does not require {', '.join(lacking)}"] if lacking else []
    if problems:
        remedy = f"gh api --method PUT repos/OWNER/REPO/rulesets/ID --input {RULESET}"
        yield Check("live-ruleset", "todo", f"the ruleset in force {'; '.join(problems)}", remedy)
    else:
        yield Check("live-ruleset", "ok", "the ruleset in force protects the main branch")


def examine(root: Path, live: dict[str, Any] | None = None) -> list[Check]:
    """Everything that can be checked from a checkout, and what is left to see on the hosting side.

    `live` is the ruleset in force, as the REST interface returns it. Raises InputFaults for unreadable owners.
    """
    checks = [_owners_check(root), *_ruleset_checks(root), *workflow_checks(root)]
    there = (root / TEMPLATE).is_file()
    told = f"{TEMPLATE} is {'there' if there else 'missing'}"
    checks.append(Check("template", "ok" if there else "todo", told, "" if there else "restore it"))
    checks += _live_checks(live, _read_ruleset(root))
    teams = sorted({team for owner in read_owners(root).owners for team in owner.teams})
    checks.append(
        Check("teams", "unknown", f"these must exist and be able to write: {', '.join(teams)}", "gh api orgs/ORG/teams")
    )
    told = (
        "the workflow token must be read-only by default, the app that opens pull requests be installed, and the "
        "environment `engines`, which holds its key, be limited to the main branch"
    )
    checks.append(Check("actions", "unknown", told, "gh api repos/OWNER/REPO/actions/permissions/workflow"))
    return checks


def write_codeowners(root: Path) -> bool:
    """Write .github/CODEOWNERS; whether that changed it."""
    wanted, path = codeowners(read_owners(root)), root / CODEOWNERS
    changed = not path.is_file() or path.read_bytes() != wanted
    if changed:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(wanted)
    return changed
