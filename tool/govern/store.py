"""State, events and engines of a tree, given as path → bytes. Unreadable is a finding, never an empty state."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from tool.govern.canonical import canonical_yaml
from tool.govern.finding import Finding
from tool.load.records import faults_of, field_names
from tool.load.yaml_file import MAX_BYTES, YamlFile
from tool.policy.digests import sha256
from tool.schema.engine import Engine
from tool.schema.state import Event, State

T = TypeVar("T", bound=BaseModel)
Files = Mapping[str, bytes]
ENGINES = "registry/engines"
STATE = f"{ENGINES}/state.yaml"
EVENTS = f"{ENGINES}/events"
_EVENT = re.compile(rf"{EVENTS}/(\d{{4,}})\.yaml")
_ENGINE = re.compile(rf"{ENGINES}/([^/]+)/engine\.yaml")
RESTORE = "restore the file from the base branch and let `ftc` write it"


def event_path(generation: int) -> str:
    return f"{EVENTS}/{generation:04d}.yaml"


def event_number(path: str) -> int | None:
    """The generation that an event file's name states; None for any other name or number form."""
    found = _EVENT.fullmatch(path)
    number = int(found[1]) if found else None
    return number if number is not None and event_path(number) == path else None


@dataclass(frozen=True)
class History:
    """State and events as read, beside their bytes. `raw[i]` are the bytes of event i."""

    state: State
    events: tuple[Event, ...]
    raw: tuple[bytes, ...]

    def digest(self, generation: int) -> str:
        return sha256(self.raw[generation])


def _parse(path: str, data: bytes, record: type[T]) -> T | Finding:
    """One file → one record."""
    if len(data) > MAX_BYTES:
        return Finding("state.unreadable", "is larger than 1 MiB", RESTORE, path)
    file = YamlFile(path, data)
    if file.faults:
        first = file.faults[0]
        told = f"{first.field}: {first.message}" if first.field else first.message
        return Finding("state.unreadable", told, RESTORE, path, line=first.line)
    try:
        return record.model_validate(file.data)
    except ValidationError as error:
        fault = faults_of(error, file, field_names(record))[0]
        told = f"{fault.field}: {fault.message}" if fault.field else fault.message
        return Finding("state.unreadable", told, RESTORE, path, line=fault.line)


def parse_canonical(path: str, data: bytes, record: type[T]) -> T | Finding:
    """Like `_parse`, and the bytes must be the canonical ones."""
    parsed = _parse(path, data, record)
    if isinstance(parsed, Finding) or canonical_yaml(parsed) == data:
        return parsed
    return Finding("state.bytes", "is not in the canonical byte form", RESTORE, path)


def read_history(files: Files) -> tuple[History | None, list[Finding]]:
    """State and events. (None, []) for a tree that has neither yet; (None, findings) when anything is unreadable."""
    paths = sorted(path for path in files if path.startswith(f"{EVENTS}/"))
    if STATE not in files and not paths:
        return None, []
    findings: list[Finding] = []
    for path in paths:
        if event_number(path) is None:
            findings.append(Finding("chain.name", "is no event's name", "remove the file", path))
    numbers = sorted(number for path in paths if (number := event_number(path)) is not None)
    missing = sorted(set(range(max(numbers, default=0) + 1)) - set(numbers))
    for number in missing[:3]:
        findings.append(Finding("chain.missing", "the event is missing", RESTORE, event_path(number)))
    if STATE not in files:
        findings.append(Finding("state.missing", "there are events, but no state", RESTORE, STATE))
    if findings:
        return None, findings
    state = parse_canonical(STATE, files[STATE], State)
    raw = tuple(files[event_path(number)] for number in numbers)
    events = [parse_canonical(event_path(number), raw[number], Event) for number in numbers]
    findings = [part for part in (state, *events) if isinstance(part, Finding)]
    if findings or isinstance(state, Finding):
        return None, findings
    return History(state, tuple(event for event in events if isinstance(event, Event)), raw), []


def engine_versions(files: Files) -> list[str]:
    """Versions that have an engine.yaml, sorted."""
    return sorted(found[1] for path in files if (found := _ENGINE.fullmatch(path)))


def engine_path(version: str) -> str:
    return f"{ENGINES}/{version}/engine.yaml"


def read_engine(files: Files, version: str) -> Engine | Finding:
    """One engine's record."""
    path = engine_path(version)
    if path not in files:
        return Finding("engine.unknown", f"there is no engine {version}", "name a folder of registry/engines", path)
    parsed: Any = _parse(path, files[path], Engine)
    if isinstance(parsed, Finding):
        return Finding("engine.unreadable", parsed.message, "mend engine.yaml", path, line=parsed.line)
    return parsed if isinstance(parsed, Engine) else Finding("engine.unreadable", "is no engine", "mend it", path)
