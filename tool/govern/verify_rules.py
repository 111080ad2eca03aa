"""Rules and waivers that a change brings, judged before they judge anything themselves."""

from __future__ import annotations

from tool.errors import InputFaults, Violation
from tool.govern.finding import Finding
from tool.govern.judge import finding_of
from tool.govern.sides import Sides
from tool.govern.yardstick import Yardstick
from tool.policy.policies import Policies, load_policies
from tool.policy.waivers import judge_waivers, load_waivers


def check_rules(sides: Sides, yard: Yardstick) -> list[Finding]:
    """Rules that a change brings: they load, compile and pass their own tests, and no hard one is dropped at once."""
    if not any(each.path.startswith("policies/") for each in sides.changed):
        return []
    rules = {path: data for path, data in sides.files.items() if path.startswith("policies/")}
    findings = []
    try:
        from tool.policy.sandbox import run_tests_in_child

        run = run_tests_in_child(rules)
        for result in run.failures:
            told = f"{result.policy}: {result.case}: {result.problem}"
            findings.append(Finding("policy.tests", told, "mend the policy or its test"))
        for told in run.uncovered:
            findings.append(Finding("policy.untested", told, "add the case to the policy's tests"))
        kept = load_policies(rules)
        findings += _dropped(yard.policies, kept)
    except InputFaults as error:
        for fault in error.faults:
            findings.append(Finding("policy.invalid", fault.message, fault.mend, fault.path))
    except Violation as error:
        findings.append(Finding("policy.exhausted", str(error), "bound what the expression builds"))
    return findings


def _dropped(before: Policies, after: Policies) -> list[Finding]:
    """Hard rules that are gone. Lowering the level first keeps the two decisions apart, each reviewed."""
    remedy = "restore it; to retire a hard rule, first lower its level in a pull request of its own"
    findings = []
    for policy in before.all():
        if policy.level != "hard":
            continue
        path = f"policies/{before.area(policy.id)}/{policy.id}.yaml"
        if policy.id not in after:
            findings.append(Finding("policy.dropped", f"the hard rule {policy.id} is gone", remedy, path))
            continue
        kept = {validation.id for validation in after[policy.id].validations}
        for validation in policy.validations:
            if validation.id not in kept and after[policy.id].level == "hard":
                told = f"the hard rule {policy.id}/{validation.id} is gone"
                findings.append(Finding("policy.dropped", told, remedy, path))
    return findings


def check_waivers(sides: Sides, yard: Yardstick) -> list[Finding]:
    """Every waiver of the tree by the base's rules for waivers."""
    rules = {path: data for path, data in sides.files.items() if path.startswith("policies/")}
    try:
        waivers = load_waivers(rules)
    except InputFaults as error:
        return [Finding("waiver.invalid", fault.message, fault.mend, fault.path) for fault in error.faults]
    findings = []
    for judged in judge_waivers(waivers, yard.policies, sides.now):
        path = f"policies/waivers/{judged.waiver.id}.yaml"
        if not judged.outcomes:
            findings.append(Finding("waiver.unjudged", "no rule judges waivers", "restore the rule", path))
        findings += [finding for outcome in judged.outcomes if (finding := finding_of(outcome, path))]
    return findings
