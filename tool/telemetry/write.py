"""Write events from outside a notebook: `ftc telemetry start` and `complete`, for scripts and other trainers."""

from __future__ import annotations

import json
import re
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tool.errors import BadRequest
from tool.schema.run_event import RunComplete, RunStart
from tool.telemetry.validate import kept_request

_OOM = re.compile(r"out of memory|OutOfMemoryError|CUBLAS_STATUS_ALLOC_FAILED|RESOURCE_EXHAUSTED", re.IGNORECASE)
_NOT_A_NUMBER = re.compile(r"""['"]?(?:loss|grad_norm)['"]?\s*[:=]\s*['"]?(?:nan|-?inf)\b""", re.IGNORECASE)
LOG_TAIL = 1 << 20
"""Bytes of the end of a log that are looked at: what ended a run stands at its end."""


def start(
    folder: Path, now: datetime, answer: dict[str, Any], config: dict[str, Any], hardware: dict[str, Any], run_id: str
) -> str:
    """Write run_start to `folder/<run id>.jsonl` and return the id. `answer` is that of `ftc recommend`, or empty."""
    id = run_id or uuid.uuid4().hex
    chosen = {key: value for key, value in (answer.get("config") or {}).items() if value is not None}
    event = {
        "schema_version": 1,
        "event": "run_start",
        "run_id": id,
        "at": now.isoformat(),
        "dry_run": False,
        "request": kept_request(answer.get("request") or {}),
        "engine": answer.get("engine"),
        "slot": answer.get("slot"),
        "config": chosen | config,
        "hardware": hardware,
    }
    _append(folder, _checked(RunStart, event))
    return id


def complete(folder: Path, now: datetime, run_id: str, outcome: str, seen: dict[str, Any]) -> Path:
    """Write run_complete beside the start of the same run. Raises BadRequest when there is none."""
    path = folder / f"{run_id}.jsonl"
    begun = _begun(path, run_id)
    event = begun | {"event": "run_complete", "at": now.isoformat(), "outcome": outcome, **seen}
    if event.get("wall_time_seconds") is None:
        seconds = (now - datetime.fromisoformat(begun["at"])).total_seconds()
        event["wall_time_seconds"] = max(0.0, seconds)
    return _append(folder, _checked(RunComplete, event))


def outcome_of(log: Path | None, exit_code: int | None) -> str:
    """How a run ended, from the end of its log and its exit code. Out of memory and divergence come first."""
    text = ""
    if log is not None:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - LOG_TAIL))
            text = file.read().decode("utf-8", "replace")
    if exit_code not in (None, 0) and _OOM.search(text):
        return "oom"
    if _NOT_A_NUMBER.search(text):
        return "diverged"
    if exit_code in (130, -2, 143, -15):
        return "cancelled"
    if exit_code is None:
        return "oom" if _OOM.search(text) else "success"
    return "success" if exit_code == 0 else "error"


def _begun(path: Path, run_id: str) -> dict[str, Any]:
    if not re.fullmatch(r"[0-9a-f]{32}", run_id):
        raise BadRequest("RUN_ID", f"{run_id!r} is no run id", "use the one that `ftc telemetry start` printed")
    if not path.is_file():
        raise BadRequest("RUN_ID", f"{path} does not exist", "name the folder of the start with --runs")
    for line in path.read_bytes().splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and event.get("event") == "run_start" and event.get("run_id") == run_id:
            return event
    raise BadRequest("RUN_ID", f"{path} holds no start of this run", "write it with `ftc telemetry start`")


def _checked(kind: type[RunStart] | type[RunComplete], event: dict[str, Any]) -> str:
    line = json.dumps(event, sort_keys=True, ensure_ascii=False)
    try:
        kind.model_validate_json(line, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise BadRequest(field, f"{first['msg']}", "events carry no paths, no data and no names") from None
    return line


def _append(folder: Path, line: str) -> Path:
    path = folder / f"{json.loads(line)['run_id']}.jsonl"
    folder.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    return path
