"""Events of the store → runs: one a run id, with what was asked, what was run, on what, and how it ended."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from tool.telemetry.store import Store

COLUMNS = (
    "run_id, at, received, source, engine, slot, config_id, request_id, gpu, gpus, usable_gib, outcome, "
    "allocated_gib, reserved_gib, seconds, tokens_per_second, first_loss, final_loss, steps"
)
OUTCOMES = ("success", "oom", "diverged", "error", "cancelled", "lost")


@dataclass(frozen=True, slots=True)
class Run:
    """One run. Times are seconds since 1970, memory is GiB per card, `source` a number of the store."""

    run_id: str
    at: float
    received: float
    source: int
    engine: str | None
    slot: str | None
    config_id: str
    request_id: str
    gpu: str | None
    gpus: int | None
    usable_gib: float | None
    outcome: str
    allocated_gib: float | None
    reserved_gib: float | None
    seconds: float | None
    tokens_per_second: float | None
    first_loss: float | None
    final_loss: float | None
    steps: int | None


class Ledger:
    """The runs of a store. Rehearsals with a stand-in model (`dry_run`) are left out: they say nothing of an answer."""

    def __init__(self, store: Store, now: datetime, limits: Mapping[tuple[str, str], float], lost_after: float) -> None:
        """`limits`: hours that a platform and plan let a run last; `lost_after` where it names none (hours)."""
        self._store, self._now = store, now.timestamp()
        self._limits, self._lost_after = limits, lost_after
        self.config = lru_cache(maxsize=65_536)(self._config)
        self.request = lru_cache(maxsize=65_536)(self._request)
        self.source_name = lru_cache(maxsize=65_536)(self._source_name)

    def _config(self, id: str) -> dict[str, Any]:
        return self._document("configs", id)

    def _request(self, id: str) -> dict[str, Any]:
        return self._document("requests", id)

    def _document(self, table: str, id: str) -> dict[str, Any]:
        for (text,) in self._store.rows(f"SELECT document FROM {table} WHERE id = ?", id):
            found: dict[str, Any] = json.loads(text)
            return found
        return {}

    def ended(self) -> Iterator[Run]:
        """Runs that told their end, in order of time and id."""
        query = f"SELECT {COLUMNS} FROM events WHERE kind = 'run_complete' AND dry_run = 0 ORDER BY at, run_id"
        for row in self._store.rows(query):
            yield Run(*row)

    def lost(self) -> Iterator[Run]:
        """Runs that began and never told their end, once their time is over."""
        query = (
            f"SELECT {COLUMNS} FROM events AS begun WHERE kind = 'run_start' AND dry_run = 0 AND NOT EXISTS "
            "(SELECT 1 FROM events WHERE kind = 'run_complete' AND run_id = begun.run_id) ORDER BY at, run_id"
        )
        for row in self._store.rows(query):
            asked = self.request(row[7])
            hours = self._limits.get((str(asked.get("platform")), str(asked.get("plan"))), self._lost_after)
            if row[1] + hours * 3600.0 < self._now:
                yield replace(Run(*row), outcome="lost")

    def runs(self) -> Iterator[Run]:
        yield from self.ended()
        yield from self.lost()

    def answers(self) -> Iterator[tuple[str | None, str | None, float, int, str | None]]:
        """Logged recommendations: engine, slot, confidence, constrained-safe (0 or 1) and verdict."""
        query = "SELECT engine, slot, confidence, constrained_safe, verdict FROM events WHERE kind = 'recommendation'"
        for row in self._store.rows(query):
            yield row[0], row[1], row[2], row[3], row[4]

    def _source_name(self, source: int) -> str:
        """A stable name for a source, which tells nothing of who it is."""
        for (name,) in self._store.rows("SELECT name FROM sources WHERE id = ?", source):
            return "source-" + hashlib.sha256(str(name).encode()).hexdigest()[:12]
        return "source-unknown"

    def model_of(self, run: Run) -> str | None:
        """The model that was trained: the run's own word, else that of the request."""
        name = self.config(run.config_id).get("model") or self.request(run.request_id).get("model")
        return name if isinstance(name, str) else None


def open_ledger(repo: Any, store: Store, now: datetime, lost_after: float) -> Ledger:
    """A ledger with the runtime limits of the repository's platforms."""
    limits = {
        (platform.id, name): float(plan.runtime_limit_hours)
        for platform in repo.platforms
        for name, plan in platform.plans.items()
        if plan.runtime_limit_hours
    }
    return Ledger(store, now, limits, lost_after)
