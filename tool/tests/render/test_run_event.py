"""The event schema: what a notebook writes is accepted, what would leak or lie is refused."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from tool.schema.run_event import RunComplete, RunStart

START: dict[str, Any] = {
    "schema_version": 1,
    "event": "run_start",
    "run_id": "0123456789abcdef0123456789abcdef",
    "at": "2026-11-24T12:00:00+00:00",
    "request": {"model": "org/name", "task": "chat"},
    "engine": "2026.11.0",
    "slot": "production",
    "config": {"learning_rate": 2e-4, "target_modules": ["q_proj"], "packing": False},
    "hardware": {"gpu": "Tesla T4", "count": 1, "usable_gib": 14.5, "compute_capability": "7.5"},
}
COMPLETE = START | {
    "event": "run_complete",
    "outcome": "success",
    "peak_allocated_gib": 9.1,
    "peak_reserved_gib": 10.2,
    "wall_time_seconds": 600.5,
    "tokens_per_second": 812.0,
    "first_loss": 2.1,
    "final_loss": 1.2,
    "steps": 100,
}


def test_complete_events_are_accepted() -> None:
    """Both events validate, and a CPU rehearsal has no card."""
    assert RunStart.model_validate(START).hardware.gpu == "Tesla T4"
    assert RunComplete.model_validate(COMPLETE).outcome == "success"
    rehearsal = START | {"dry_run": True, "hardware": {"gpu": None, "count": 0}}
    assert RunStart.model_validate(rehearsal).hardware.usable_gib is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"run_id": "../../etc"}, "run_id"),
        ({"at": "2026-11-24T12:00:00"}, "at"),
        ({"at": "2026-11-24T12:00:00+02:00"}, "at"),
        ({"outcome": "fine"}, "outcome"),
        ({"final_loss": float("nan")}, "final_loss"),
        ({"steps": -1}, "steps"),
        ({"wall_time_seconds": -5}, "wall_time_seconds"),
        ({"schema_version": 2}, "schema_version"),
        ({"user": "bob"}, "user"),
        ({"config": {"output_dir": "/home/bob/out"}}, "config"),
        ({"config": {"output_dir": "C:\\bob"}}, "config"),
        ({"config": {"note": "x" * 500}}, "config"),
        ({"config": {"nested": {"rows": ["secret"]}}}, "config"),
        ({"hardware": {"gpu": "x", "count": -1}}, "hardware"),
    ],
)
def test_bad_events_are_refused(change: dict[str, Any], field: str) -> None:
    """Each change is refused, and the error names the field."""
    with pytest.raises(ValidationError) as caught:
        RunComplete.model_validate(COMPLETE | change)
    assert field in {error["loc"][0] for error in caught.value.errors()}


def test_json_schema_can_be_exported() -> None:
    """Editors and other programs get a JSON Schema of both events."""
    for kind in (RunStart, RunComplete):
        schema = TypeAdapter(kind).json_schema()
        assert schema["additionalProperties"] is False
        assert "hardware" in schema["required"]
