"""Policies: read, validated and compiled as a set, with every fault named; then judged against plain data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from tool.errors import Fault, InputFaults
from tool.load.records import faults_of, field_names
from tool.load.yaml_file import YamlFile
from tool.policy.files import AREAS, Files, policy_paths
from tool.schema.policy import Kind, Policy, Status

_WORST: tuple[Status, ...] = ("error", "fail", "inconclusive", "pass", "skip")


@dataclass(frozen=True)
class Outcome:
    """What one validation of one policy said. `validation` is empty where the policy as a whole was skipped."""

    policy: str
    validation: str
    level: str
    status: Status
    message: str
    remedy: str

    @property
    def id(self) -> str:
        return f"{self.policy}/{self.validation}" if self.validation else self.policy

    @property
    def passed(self) -> bool:
        return self.status in ("pass", "skip")


def worst(statuses: Iterable[Status]) -> Status:
    """The status of a whole from those of its parts."""
    found = set(statuses)
    return next((status for status in _WORST if status in found), "skip")


@dataclass(frozen=True)
class Loaded:
    """A policy with the file that it came from."""

    policy: Policy
    area: str
    file: YamlFile


class Policies:
    """All policies of one tree. Expressions are compiled on first use, or all at once by `check`."""

    def __init__(self, loaded: Iterable[Loaded]) -> None:
        self._loaded = {item.policy.id: item for item in loaded}
        self._programs: dict[str, Any] = {}
        self._compiler: Any = None

    def __contains__(self, id: object) -> bool:
        return id in self._loaded

    def __len__(self) -> int:
        return len(self._loaded)

    def __getitem__(self, id: str) -> Policy:
        return self._loaded[id].policy

    def area(self, id: str) -> str:
        return self._loaded[id].area

    def all(self) -> list[Policy]:
        """Every policy, in order of id."""
        return [self._loaded[id].policy for id in sorted(self._loaded)]

    def of(self, kind: Kind) -> list[Policy]:
        return [policy for policy in self.all() if policy.match.kind == kind]

    def _program(self, id: str) -> Any:
        """The compiled policy. Raises InputFaults."""
        if id not in self._programs:
            from tool.policy.program import Compiler

            self._compiler = self._compiler or Compiler()
            item = self._loaded[id]
            self._programs[id] = self._compiler.compile(item.policy, item.file)
        return self._programs[id]

    def check(self) -> list[Fault]:
        """Compile everything; return the faults."""
        faults: list[Fault] = []
        for id in sorted(self._loaded):
            try:
                self._program(id)
            except InputFaults as error:
                faults += error.faults
        return faults

    def judge(self, kind: Kind, data: dict[str, Any], now: datetime) -> list[Outcome]:
        """Ask every policy of one kind. `data` holds the variables as plain values, `now` is the clock."""
        return [outcome for policy in self.of(kind) for outcome in self.judge_one(policy.id, data, now)]

    def judge_one(self, id: str, data: dict[str, Any], now: datetime) -> list[Outcome]:
        """Ask one policy. Raises InputFaults when it does not compile, ValueError for data of the wrong type."""
        outcomes: list[Outcome] = self._program(id).judge(data, now)
        return outcomes


def _load_one(files: Files, path: str, area: str) -> Loaded:
    if not path.endswith(".yaml"):
        raise InputFaults([Fault(path, 0, "", "is no policy by its name", "end the name in .yaml")])
    file = YamlFile(path, files[path])
    if file.faults:
        raise InputFaults(file.faults)
    if not isinstance(file.data, dict):
        raise InputFaults([Fault(path, 1, "", "is not a mapping", "write key: value lines")])
    if "id" in file.data:
        raise InputFaults([Fault(path, file.line_of(("id",)), "id", "comes from the file name", "remove the key")])
    id = path.rsplit("/", 1)[1].removesuffix(".yaml")
    try:
        return Loaded(Policy.model_validate({**file.data, "id": id}), area, file)
    except ValidationError as error:
        raise InputFaults(faults_of(error, file, field_names(Policy))) from None


def load_policies(files: Files, areas: Iterable[str] = AREAS) -> Policies:
    """Policies of a tree given as path → bytes. Raises InputFaults with every fault of form."""
    loaded: dict[str, Loaded] = {}
    faults: list[Fault] = []
    for area in areas:
        for path in policy_paths(files, area):
            try:
                item = _load_one(files, path, area)
            except InputFaults as error:
                faults += error.faults
                continue
            twin = loaded.setdefault(item.policy.id, item)
            if twin is not item:
                faults.append(Fault(path, 0, "", f"has the same id as {twin.file.path}", "rename one"))
    if faults:
        raise InputFaults(faults)
    return Policies(loaded.values())
