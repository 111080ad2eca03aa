"""What is live and how it came to be, read from registry/engines."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from tool.errors import InputFaults
from tool.load import Repo
from tool.load.records import faults_of, field_names
from tool.load.yaml_file import YamlFile
from tool.recommend.knowledge import STATE
from tool.schema.base import Record
from tool.schema.engine import Engine
from tool.schema.state import Event, State
from tool.site.chunk import chunk

ENGINES = "registry/engines"

R = TypeVar("R", bound=Record)


def _read(root: Path, path: str, record: type[R]) -> R:
    """One record. Raises InputFaults, each fault with its line, for a file that is not one."""
    file = YamlFile.read(root, path)
    if file.faults:
        raise InputFaults(file.faults)
    try:
        return record.model_validate(file.data)
    except ValidationError as error:
        raise InputFaults(faults_of(error, file, field_names(record))) from None


def read_state(root: Path) -> State | None:
    """The state; None where no engine was ever live."""
    return _read(root, STATE, State) if (root / STATE).exists() else None


def read_events(root: Path) -> list[Event]:
    """The history, oldest first."""
    files = sorted((root / ENGINES / "events").glob("*.yaml"))
    return [_read(root, file.relative_to(root).as_posix(), Event) for file in files]


def releases(events: list[Event]) -> list[tuple[str, str]]:
    """(version, time) of every moment at which another engine became production, oldest first."""
    return [(event.version, event.at) for event in events if event.to == "production" and event.version]


def governance_file(repo: Repo) -> dict[str, bytes]:
    """`data/governance.js`: state, history, and the engines that the state names."""
    root = repo.root
    state = read_state(root)
    document = {
        "engines": {version: _engine(root, version, stage) for version, stage in state.stages.items()} if state else {},
        "events": [event.model_dump(mode="json", by_alias=True) for event in read_events(root)],
        "state": state.model_dump(mode="json") if state else None,
    }
    return chunk("governance", document)


def _engine(root: Path, version: str, stage: str) -> dict[str, Any]:
    engine = _read(root, f"{ENGINES}/{version}/engine.yaml", Engine)
    report = f"evaluation/reports/{version}/evaluation.json"
    return {
        "stage": stage,
        "artifacts": sorted(engine.artifacts),
        "trained_on": engine.trained_on.model_dump(mode="json"),
        "notes": engine.notes,
        "path": f"{ENGINES}/{version}/engine.yaml",
        "report": report if (root / report).is_file() else None,
    }
