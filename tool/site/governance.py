"""What is live and how it came to be, read from registry/engines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tool.errors import Fault, InputFaults
from tool.learn.artifacts import read_manifest
from tool.load import Repo
from tool.load.records import read_record
from tool.recommend.knowledge import read_state
from tool.schema.state import Event
from tool.site.chunk import chunk

ENGINES = "registry/engines"
SCORES = ("within_two_fold", "learning_rate_error", "memory_error", "coverage", "brier", "ece", "cases")
"""Of what an evaluation measures on held-out cases, what the page shows."""


def read_events(root: Path) -> list[Event]:
    """The history, oldest first."""
    files = sorted((root / ENGINES / "events").glob("*.yaml"))
    return [read_record(root, file.relative_to(root).as_posix(), Event) for file in files]


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
    engine = read_manifest(root, version)
    report = f"evaluation/reports/{version}/evaluation.json"
    return {
        "stage": stage,
        "artifacts": sorted(engine.artifacts),
        "trained_on": engine.trained_on.model_dump(mode="json"),
        "notes": engine.notes,
        "path": f"{ENGINES}/{version}/engine.yaml",
        "report": report if (root / report).is_file() else None,
        "scores": scores(root / report),
    }


def scores(report: Path) -> dict[str, float]:
    """What was measured on held-out cases; empty without a report. Raises InputFaults for one that is broken."""
    if not report.is_file():
        return {}
    try:
        metrics = json.loads(report.read_bytes())["metrics"]
        return {name: float(metrics[name]) for name in SCORES if metrics.get(name) is not None}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        fault = Fault(report.as_posix(), 0, "metrics", f"no evaluation can be read: {error}", "run ftc evaluate again")
        raise InputFaults([fault]) from None
