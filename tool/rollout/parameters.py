"""What a verdict is judged by: the parameters of policies/rollout/canary-health.yaml."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from tool.errors import Fault, InputFaults
from tool.policy.policies import Policies

POLICY = "canary-health"
PATH = f"policies/rollout/{POLICY}.yaml"


@dataclass(frozen=True)
class Parameters:
    """Error rates, margins and bets of a verdict.

    `alpha`: chance to call a canary unhealthy that is no worse, over all comparisons and all looks at one step.
    `beta`: chance to call one comparison healthy although it is worse by its margin. Margins are differences of shares.
    `ratios`: how many times as many bad runs a worse canary is bet to have; `prior`: bad and good runs before any;
    `stakes`: shares of the capital that are bet on a mean. `share_alpha`: chance to find a mismatch of shares by error.
    `age_hours_at_most`: since the newest run of the canary (hours). `failures`: outcomes that count as failure.
    """

    alpha: float
    beta: float
    share_alpha: float
    runs_at_least: int
    age_hours_at_most: float
    oom_margin: float
    failure_margin: float
    loss_margin: float
    confidence_margin: float
    ratios: tuple[float, ...]
    prior: tuple[float, ...]
    stakes: tuple[float, ...]
    required: tuple[str, ...]
    failures: tuple[str, ...]


def read_parameters(policies: Policies) -> Parameters:
    """The parameters in force. Raises InputFaults, naming every one that is missing or out of bounds."""
    if POLICY not in policies:
        raise InputFaults([Fault(PATH, 0, "", "is missing", "restore it: no canary is judged without rules")])
    params = policies[POLICY].params
    faults = [fault for item in fields(Parameters) for fault in _faults(item.name, params.get(item.name))]
    if faults:
        raise InputFaults(faults)
    found: dict[str, Any] = {item.name: params[item.name] for item in fields(Parameters)}
    plain: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in found.items()}
    return Parameters(**plain)


def _faults(name: str, value: Any) -> list[Fault]:
    """What is wrong with one parameter."""
    wanted = _wanted(name)
    if value is None:
        return [Fault(PATH, 0, f"params.{name}", "is missing", f"add it: {wanted}")]
    return [] if _good(name, value) else [Fault(PATH, 0, f"params.{name}", f"got {value!r}", f"write {wanted}")]


def _wanted(name: str) -> str:
    if name in ("required", "failures"):
        return "a list of names"
    if name in ("ratios", "prior", "stakes"):
        return {"ratios": "numbers above 1", "prior": "two positive numbers", "stakes": "numbers between 0 and 1"}[name]
    return "a positive number" if name in ("runs_at_least", "age_hours_at_most") else "a number between 0 and 1"


def _good(name: str, value: Any) -> bool:
    if name in ("required", "failures"):
        return isinstance(value, list) and all(isinstance(item, str) for item in value) and bool(value)
    if name in ("ratios", "prior", "stakes"):
        if not isinstance(value, list) or not value or not all(_is_number(item) for item in value):
            return False
        if name == "prior":
            return len(value) == 2 and bool(min(value) > 0)
        return bool(min(value) > 1) if name == "ratios" else bool(min(value) > 0 and max(value) < 1)
    if not _is_number(value) or value <= 0:
        return False
    return isinstance(value, int) if name == "runs_at_least" else name == "age_hours_at_most" or value < 1


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
