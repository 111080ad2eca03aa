"""Signals → decision, by policies/retraining: hard rules must hold, the others are reasons to train."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from tool.policy.files import read_policies
from tool.policy.policies import Outcome, load_policies
from tool.policy.variables import TelemetryView, plain

Action = Literal["retrain", "wait"]


@dataclass(frozen=True)
class Rule:
    """One validation as it was judged. `role`: it blocks, it triggers, or neither."""

    id: str
    purpose: str
    params: dict[str, Any]
    outcome: Outcome
    role: Literal["blocks", "triggers", "quiet"]


@dataclass(frozen=True)
class Decision:
    """What the policies say, and every number behind it."""

    action: Action
    rules: tuple[Rule, ...]
    numbers: dict[str, Any]

    @property
    def undecided(self) -> bool:
        """Whether missing data alone holds it up."""
        blocking = [rule for rule in self.rules if rule.role == "blocks"]
        return bool(blocking) and all(rule.outcome.status in ("inconclusive", "error") for rule in blocking)

    def grounds(self) -> dict[str, Any]:
        """What is kept with the candidate: the numbers, and the rules that asked for it."""
        return {"numbers": self.numbers, "triggers": [rule.id for rule in self.rules if rule.role == "triggers"]}

    def plain(self) -> dict[str, Any]:
        rules = [
            {
                "id": rule.id,
                "purpose": rule.purpose,
                "params": rule.params,
                "status": rule.outcome.status,
                "message": rule.outcome.message,
                "role": rule.role,
            }
            for rule in self.rules
        ]
        return {"decision": self.action, "numbers": self.numbers, "rules": rules}

    def text(self) -> str:
        """For people: the decision, the numbers, and what would change it."""
        lines = [f"decision: {self.action}", "", "numbers"]
        lines += [f"  {name:<24} {value}" for name, value in sorted(self.numbers.items())]
        for role, title in (("blocks", "held up by"), ("triggers", "triggered by"), ("quiet", "would also speak up")):
            chosen = [rule for rule in self.rules if rule.role == role]
            if not chosen:
                continue
            lines += ["", title]
            for rule in chosen:
                limits = ", ".join(f"{name} {value}" for name, value in sorted(rule.params.items()))
                lines.append(f"  {rule.id}: {rule.outcome.message or rule.purpose}")
                if rule.role != "triggers" and len(rule.params) <= 4:
                    lines.append(f"    limits: {limits}")
        return "\n".join(lines) + "\n"


def decide(root: Path, view: TelemetryView, now: datetime) -> Decision:
    """Ask every retraining policy. Raises InputFaults for policies that do not load or compile."""
    policies = load_policies(read_policies(root), ("retraining",))
    numbers = plain(view)
    rules = []
    for outcome in policies.judge("retraining", {"telemetry": numbers}, now):
        policy = policies[outcome.policy]
        role: Literal["blocks", "triggers", "quiet"] = "quiet"
        if policy.level == "hard":
            role = "quiet" if outcome.passed else "blocks"
        elif outcome.status == "fail":
            role = "triggers"
        rules.append(Rule(outcome.id, policy.purpose, policy.params, outcome, role))
    roles = {rule.role for rule in rules}
    return Decision("retrain" if "triggers" in roles and "blocks" not in roles else "wait", tuple(rules), numbers)
