"""Waivers: exceptions from soft gates, each for one report and for a short time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError

from tool.errors import Fault, InputFaults
from tool.load.records import faults_of, field_names
from tool.load.yaml_file import YamlFile
from tool.policy.files import Files, policy_paths
from tool.policy.policies import Outcome, Policies
from tool.policy.variables import WaiverView, plain
from tool.schema.state import parse_time
from tool.schema.waiver import Waiver

SECONDS_PER_DAY = 86_400.0


def load_waivers(files: Files) -> list[Waiver]:
    """Every waiver of a tree, sorted by id. Raises InputFaults."""
    waivers: list[Waiver] = []
    faults: list[Fault] = []
    for path in policy_paths(files, "waivers"):
        if not path.endswith(".yaml"):
            continue
        file = YamlFile(path, files[path])
        faults += file.faults
        if file.faults:
            continue
        data = file.data if isinstance(file.data, dict) else {}
        try:
            waivers.append(Waiver.model_validate({**data, "id": path.rsplit("/", 1)[1].removesuffix(".yaml")}))
        except ValidationError as error:
            faults += faults_of(error, file, field_names(Waiver))
    if faults:
        raise InputFaults(faults)
    return waivers


def days_left(waiver: Waiver, now: datetime) -> float:
    """Days until the waiver ends; zero or less once it has. The only place where expiry is decided."""
    return (parse_time(waiver.expires) - now).total_seconds() / SECONDS_PER_DAY


def covers(waiver: Waiver, gate: str, evidence_digest: str, now: datetime) -> bool:
    """Whether a waiver excuses `<policy>/<validation>` for the report of that digest."""
    named = waiver.gate in (gate, gate.split("/", 1)[0])
    return named and waiver.evidence_digest == evidence_digest and days_left(waiver, now) > 0


def _view(waiver: Waiver, policies: Policies, now: datetime) -> WaiverView:
    policy, _, validation = waiver.gate.partition("/")
    known = policy in policies and (not validation or validation in {v.id for v in policies[policy].validations})
    granted = (parse_time(waiver.expires) - parse_time(waiver.granted)).total_seconds() / SECONDS_PER_DAY
    return WaiverView(
        id=waiver.id,
        gate=waiver.gate,
        gate_level=policies[policy].level if known else "unknown",
        approver=waiver.approver,
        days_left=days_left(waiver, now),
        days_granted=granted,
    )


@dataclass(frozen=True)
class Judged:
    """A waiver and what the rules for waivers say of it."""

    waiver: Waiver
    days_left: float
    outcomes: tuple[Outcome, ...]

    @property
    def valid(self) -> bool:
        """At least one rule must have judged it, and none may object."""
        return bool(self.outcomes) and all(outcome.status == "pass" for outcome in self.outcomes)


def judge_waivers(waivers: Iterable[Waiver], policies: Policies, now: datetime) -> list[Judged]:
    """Each waiver against the rules of kind `waiver`."""
    return [
        Judged(
            waiver,
            days_left(waiver, now),
            tuple(policies.judge("waiver", {"waiver": plain(_view(waiver, policies, now))}, now)),
        )
        for waiver in waivers
    ]
