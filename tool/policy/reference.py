"""The reference page of all rules, for people who have never seen the code."""

from __future__ import annotations

from tool.policy.files import AREAS
from tool.policy.policies import Policies
from tool.schema.policy import Policy

_TITLES = {
    "gates": "Gates: what an engine's evaluation must show",
    "lifecycle": "Life cycle: which steps are legal, and what each needs",
    "rollout": "Rollout: how a canary grows",
    "safety": "Safety: what no recommendation exceeds",
    "retraining": "Retraining: when to fit a new engine",
}


def _policy(policy: Policy) -> list[str]:
    lines = [
        f"### {policy.id}",
        "",
        policy.purpose,
        "",
        f"Level **{policy.level}**; missing data: {policy.on_missing}.",
    ]
    lines += [f"Applies when {c.name}: `{' '.join(c.expression.split())}`" for c in policy.match.conditions]
    if policy.params:
        shown = ", ".join(f"`{key}` = {value}" for key, value in sorted(policy.params.items()))
        lines += ["", f"Parameters: {shown}"]
    lines += ["", "| rule | holds when | otherwise | remedy |", "|---|---|---|---|"]
    for rule in policy.validations:
        expression = " ".join(rule.expression.split()).replace("|", "\\|")
        lines.append(f"| {rule.id} | `{expression}` | {rule.message} | {rule.remedy} |")
    return [*lines, ""]


def reference_page(policies: Policies) -> str:
    """Markdown with every policy, grouped by area."""
    lines = ["# Rules", "", "Made from `policies/`; every rule is tested by the cases beside it.", ""]
    for area in AREAS:
        inside = [policy for policy in policies.all() if policies.area(policy.id) == area]
        if inside:
            lines += [f"## {_TITLES[area]}", ""]
            for policy in inside:
                lines += _policy(policy)
    return "\n".join(lines)
