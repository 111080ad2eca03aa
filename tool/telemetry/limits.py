"""What the door of telemetry lets through: the parameters of policies/retraining/intake.yaml."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tool.errors import Fault, InputFaults
from tool.policy.files import read_policies
from tool.policy.policies import load_policies

POLICY = "intake"
PATH = f"policies/retraining/{POLICY}.yaml"


@dataclass(frozen=True)
class Limits:
    """Bounds of intake: bytes of a record, events of a source (a folder or file of uploads), days of a wrong clock.

    `source_share`: of all weight, what one source has at most. A measured peak counts once `learning_sources` agree on
    it; a configuration becomes a recipe after `learning_runs` successes of one source.
    """

    record_bytes: int
    events_per_source: int
    days_ahead: float
    earliest: str
    lost_after_hours: float
    archive_bytes: int
    archive_files: int
    source_share: float
    learning_sources: int
    learning_runs: int


def read_limits(root: Path) -> Limits:
    """The limits of a repository. Raises InputFaults when the policy is missing or lacks one."""
    policies = load_policies(read_policies(root), ("retraining",))
    if POLICY not in policies:
        raise InputFaults([Fault(PATH, 0, "", "is missing", "restore it: intake is never without limits")])
    params = policies[POLICY].params
    names = Limits.__dataclass_fields__
    faults = [Fault(PATH, 0, f"params.{name}", "is missing", "add it") for name in names if name not in params]
    faults += [fault for name in names if name in params for fault in _fault(name, params[name])]
    if faults:
        raise InputFaults(faults)
    return Limits(**{name: params[name] for name in names})


def _fault(name: str, value: Any) -> list[Fault]:
    kinds: dict[str, type[Any]] = {
        "earliest": str,
        "days_ahead": float,
        "lost_after_hours": float,
        "source_share": float,
    }
    wanted = kinds.get(name, int)
    if isinstance(value, wanted) and not isinstance(value, bool) and (isinstance(value, str) or float(value) > 0):
        return []
    return [Fault(PATH, 0, f"params.{name}", f"must be a positive {wanted.__name__}, got {value!r}", "mend it")]
