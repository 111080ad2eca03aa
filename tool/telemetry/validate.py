"""One line → one event or the reason against it. Never raises for what a line holds."""

from __future__ import annotations

import hashlib
import json
import math
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, NamedTuple

from pydantic import Field, TypeAdapter, ValidationError

from tool.schema.run_event import RecommendationGiven, RunComplete, RunStart
from tool.telemetry.limits import Limits

Event = Annotated[RunStart | RunComplete | RecommendationGiven, Field(discriminator="event")]
KEPT_TEXTS = ("model", "task", "objective", "adapter", "gpu", "platform", "plan", "size_bucket", "strategy")
KEPT_NUMBERS = ("params_b", "dataset_rows", "seq_len", "gpus")
"""What is kept of a request. A routing key or a whole config.json may name people, so they are not."""
LONGEST_TEXT = 200
LONGEST_NAME = 100
LARGEST_NUMBER = 1e15
CONFIG_KEYS = 100


class Kept(NamedTuple):
    """What the store keeps of one event. Times are seconds since 1970 (UTC), memory is in GiB."""

    run_id: str
    kind: str
    at: float | None
    dry_run: int
    engine: str | None
    slot: str | None
    config_id: str
    request_id: str
    gpu: str | None
    gpus: int | None
    usable_gib: float | None
    outcome: str | None = None
    allocated_gib: float | None = None
    reserved_gib: float | None = None
    seconds: float | None = None
    tokens_per_second: float | None = None
    first_loss: float | None = None
    final_loss: float | None = None
    steps: int | None = None
    confidence: float | None = None
    constrained_safe: int | None = None
    verdict: str | None = None


class Accepted(NamedTuple):
    """A valid event, and the two documents that many events share: what was asked and what was run."""

    row: Kept
    config: str
    request: str


class Door:
    """Judges lines by schema, size, ranges and clock. `now` is injected, so that a judgement can be repeated."""

    def __init__(self, limits: Limits, now: datetime) -> None:
        self._limits = limits
        self._now = now.timestamp()
        self._latest = now + timedelta(days=limits.days_ahead)
        self._earliest = datetime.fromisoformat(limits.earliest)
        self._adapter: TypeAdapter[Any] = TypeAdapter(Event)

    def judge(self, line: bytes) -> Accepted | str:
        """The event of a line, or why it is quarantined."""
        if not line.strip():
            return "blank record"
        if len(line) > self._limits.record_bytes:
            return f"longer than {self._limits.record_bytes} bytes"
        try:
            event = self._adapter.validate_json(line, strict=True)
        except ValidationError as error:
            return _reason(error)
        except (ValueError, RecursionError, OverflowError) as error:
            return _clean(f"cannot be read: {type(error).__name__}")
        if event.at is not None and not self._earliest <= event.at <= self._latest:
            return f"at: {event.at:%Y-%m-%d} is no plausible time of a run"
        if len(event.config) > CONFIG_KEYS:
            return f"config: more than {CONFIG_KEYS} keys"
        if len(event.engine or "") > LONGEST_NAME or len(event.slot or "") > LONGEST_NAME:
            return f"engine or slot: longer than {LONGEST_NAME} characters"
        if any(isinstance(value, float) and not math.isfinite(value) for value in event.request.values()):
            return "request: not a finite number"
        return self._keep(event, line)

    def _keep(self, event: Any, line: bytes) -> Accepted:
        config = json.dumps(event.config, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        request = json.dumps(kept_request(event.request), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        at = None if event.at is None else min(event.at.timestamp(), self._now)
        shared = (event.engine, event.slot, _digest(config), _digest(request))
        if isinstance(event, RecommendationGiven):
            id = event.event_id or hashlib.sha256(line.strip()).hexdigest()[:32]
            row = Kept(
                id,
                "recommendation",
                at,
                0,
                *shared,
                None,
                None,
                None,
                confidence=event.confidence,
                constrained_safe=int(event.constrained_safe),
                verdict=event.verdict,
            )
            return Accepted(row, config, request)
        hardware = event.hardware
        cards = (hardware.gpu, hardware.count, hardware.usable_gib)
        row = Kept(event.run_id, event.event, at, int(event.dry_run), *shared, *cards)
        return Accepted(_completed(row, event) if isinstance(event, RunComplete) else row, config, request)


def _completed(row: Kept, event: RunComplete) -> Kept:
    return row._replace(
        outcome=event.outcome,
        allocated_gib=event.peak_allocated_gib,
        reserved_gib=event.peak_reserved_gib,
        seconds=event.wall_time_seconds,
        tokens_per_second=event.tokens_per_second,
        first_loss=event.first_loss,
        final_loss=event.final_loss,
        steps=event.steps,
    )


def kept_request(request: dict[str, Any]) -> dict[str, str | int | float]:
    """The part of a request that is kept: names of public things and plain numbers, never paths."""
    kept: dict[str, str | int | float] = {}
    for name in KEPT_TEXTS:
        value = request.get(name)
        if isinstance(value, str) and len(value) <= LONGEST_TEXT and not value.startswith(("/", "~", "\\", ".")):
            kept[name] = value
    for name in KEPT_NUMBERS:
        value = request.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < LARGEST_NUMBER:
            kept[name] = value
    return kept


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _reason(error: ValidationError) -> str:
    """The first fault: its field and what is wrong, without the value, which may be anything."""
    first = error.errors(include_input=False, include_url=False)[0]
    if first["type"] == "json_invalid":
        return _clean(f"not JSON: {first.get('ctx', {}).get('error', '')}")
    if first["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return "event: must be run_start, run_complete or recommendation"
    where = ".".join(str(part) for part in first["loc"][1:4])
    return _clean(f"{where}: {first['msg']}" if where else first["msg"])


def _clean(text: str) -> str:
    """Printable, one line, at most 200 characters."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:200]


def utc(seconds: float) -> str:
    """ISO 8601 in UTC of seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
