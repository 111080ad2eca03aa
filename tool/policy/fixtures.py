"""The policies' own tests: `policies/<area>/tests/<policy>.yaml`, run case by case, with the coverage they owe."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from tool.errors import Fault, InputFaults
from tool.load.records import faults_of, field_names
from tool.load.repo import merge
from tool.load.yaml_file import YamlFile
from tool.policy.files import AREAS, Files
from tool.policy.policies import Outcome, Policies, worst
from tool.policy.variables import KINDS
from tool.schema.policy import Case, PolicyTests
from tool.schema.state import parse_time

DEFAULT_NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class CaseResult:
    """One case: what was expected, what came out, and why the two differ (empty: they agree)."""

    policy: str
    case: str
    expected: str
    got: str
    problem: str


@dataclass(frozen=True)
class TestRun:
    """All cases, and the validations that no case has shown to pass or to fail."""

    results: tuple[CaseResult, ...]
    uncovered: tuple[str, ...]

    @property
    def failures(self) -> list[CaseResult]:
        return [result for result in self.results if result.problem]


def load_tests(files: Files, areas: Iterable[str] = AREAS) -> list[PolicyTests]:
    """Every test file of a tree. Raises InputFaults."""
    tests: list[PolicyTests] = []
    faults: list[Fault] = []
    for path in sorted(files):
        parts = path.split("/")
        if len(parts) != 4 or parts[1] not in areas or parts[2] != "tests":
            continue
        file = YamlFile(path, files[path])
        faults += file.faults
        if file.faults:
            continue
        data = file.data if isinstance(file.data, dict) else {}
        id = parts[3].removesuffix(".yaml")
        try:
            tests.append(PolicyTests.model_validate({"policy": id, **data, "id": f"{parts[1]}/{id}"}))
        except ValidationError as error:
            faults += faults_of(error, file, field_names(PolicyTests))
    if faults:
        raise InputFaults(faults)
    return tests


def _inputs(case: Case, base: dict[str, Any], policies: Policies, policy: str) -> dict[str, Any]:
    data = merge(base, case.input)
    old = KINDS[policies[policy].match.kind].old
    if case.old_input is not None:
        if old is None:
            raise ValueError("this kind of policy has no old input")
        data[old] = case.old_input
    unknown = set(data) - set(KINDS[policies[policy].match.kind].variables)
    if unknown:
        raise ValueError(f"no such variable: {', '.join(sorted(unknown))}")
    return data


def _compare(case: Case, outcomes: list[Outcome]) -> tuple[str, str]:
    """(what came out, what is wrong with it)."""
    wanted = [o for o in outcomes if case.validation in (None, o.validation) or o.status == "skip"]
    if not wanted:
        return "nothing", f"there is no validation {case.validation!r}"
    got = worst(outcome.status for outcome in wanted)
    if got != case.expect:
        told = "; ".join(o.message for o in wanted if o.message)
        return got, f"expected {case.expect}, got {got}{': ' + told if told else ''}"
    told = " ".join(f"{o.id} {o.message}" for o in wanted if o.status == got)
    if case.reason and case.reason not in told:
        return got, f"expected the reason {case.reason!r}, got {told!r}"
    return got, ""


def _shown(case: Case, outcomes: list[Outcome]) -> set[tuple[str, str]]:
    """(validation, status) pairs that a case, which went as expected, has shown."""
    wanted = [o for o in outcomes if case.validation in (None, o.validation)]
    failing = [o for o in wanted if o.status == "fail"]
    shown = {(o.id, "pass") for o in wanted if o.status == "pass"}
    return shown | ({(failing[0].id, "fail")} if len(failing) == 1 else set())


def run_tests(policies: Policies, tests: Iterable[PolicyTests], announce: Any = None) -> TestRun:
    """Run every case. `announce` is called with the policy's id before its cases run."""
    results: list[CaseResult] = []
    shown: set[tuple[str, str]] = set()
    for test in tests:
        if test.policy not in policies:
            problem = f"policies/{test.id.split('/')[0]}/{test.policy}.yaml is not there"
            results.append(CaseResult(test.policy, "", "policy", "nothing", problem))
            continue
        if announce:
            announce(test.policy)
        for case in test.cases:
            try:
                data = _inputs(case, test.base, policies, test.policy)
                now = parse_time(case.now) if case.now else DEFAULT_NOW
                outcomes = policies.judge_one(test.policy, data, now)
                got, problem = _compare(case, outcomes)
            except ValueError as error:
                outcomes, got, problem = [], "error", str(error)
            results.append(CaseResult(test.policy, case.name, case.expect, got, problem))
            shown |= set() if problem else _shown(case, outcomes)
    return TestRun(tuple(results), tuple(_uncovered(policies, shown)))


def _uncovered(policies: Policies, shown: set[tuple[str, str]]) -> list[str]:
    lacking = []
    for policy in policies.all():
        for validation in policy.validations:
            id = f"{policy.id}/{validation.id}"
            for status in ("pass", "fail"):
                if (id, status) not in shown:
                    lacking.append(f"{id}: no case shows it to {status}")
    return lacking
