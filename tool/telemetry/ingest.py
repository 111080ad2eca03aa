"""Files → store, chunk by chunk. received = accepted + duplicates + quarantined, whatever the files hold."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from tool.telemetry.files import EventFile, Record, Refused, digest_of, find_files, records
from tool.telemetry.limits import Limits
from tool.telemetry.store import Chunk, Counts, Store
from tool.telemetry.validate import Accepted, Door

CHUNK_RECORDS = 5_000


@dataclass
class Ingested:
    """What one ingest did: counts over all files, the files in order, and what was no readable file."""

    counts: Counts = field(default_factory=Counts)
    files: list[tuple[str, str]] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)

    def quarantine(self, store: Store) -> Iterator[dict[str, str | int]]:
        """Every quarantined record: file, line and reason, in order."""
        query = "SELECT line, reason FROM quarantine WHERE name = ? AND digest = ? ORDER BY line"
        for name, digest in self.files:
            for line, reason in store.rows(query, name, digest):
                yield {"file": name, "line": line, "reason": reason}


def ingest(
    path: Path,
    store: Store,
    limits: Limits,
    now: datetime,
    source: str | None = None,
    advance: Callable[[int], None] = lambda records: None,
) -> Ingested:
    """Read every file of events at or below `path`. `advance` hears of records as they are kept.

    An ingest that was killed goes on: files it had read count as they did, and the one it was reading continues.
    """
    found, refused = find_files(path, source)
    done = Ingested(refused=refused)
    for file in found:
        digest = digest_of(file.path)
        done.files.append((file.name, digest))
        done.counts += _one(file, digest, store, limits, now, advance)
    with store.transaction():
        for name, digest in done.files:
            store.set_state(name, digest, "closed")
    return done


def _one(
    file: EventFile, digest: str, store: Store, limits: Limits, now: datetime, advance: Callable[[int], None]
) -> Counts:
    """One file, from its start or from where an earlier ingest was killed."""
    progress = store.progress(file.name, digest)
    if progress is not None and progress.state == "read":
        return progress.counts
    if progress is None or progress.state == "closed":
        store.begin_file(file.name, digest)
        progress = None
    counts = progress.counts if progress else Counts()
    place = progress.place if progress else 0
    for chunk in _chunks(file.path, place, counts.received, Door(limits, now), limits):
        new = store.add(file.name, digest, file.source, chunk, limits.events_per_source, now.timestamp())
        counts += new
        advance(new.received)
    store.set_state(file.name, digest, "read")
    return counts


def _chunks(path: Path, place: int, done: int, door: Door, limits: Limits) -> Iterator[Chunk]:
    with contextlib.ExitStack() as stack:
        if path.suffix == ".parquet":
            from tool.telemetry.parquet import parquet_records

            found: Iterable[Record] = parquet_records(path, done)
        else:
            found = records(stack.enter_context(path.open("rb")), place, done, limits.record_bytes)
        yield from judged(found, door, limits)


def judged(found: Iterable[Record], door: Door, limits: Limits, size: int = CHUNK_RECORDS) -> Iterator[Chunk]:
    """Records in chunks of verdicts."""
    good: list[tuple[int, Accepted]] = []
    bad: list[tuple[int, str]] = []
    end = 0
    for record in found:
        end = record.end
        verdict = _judge(record, door, limits)
        if isinstance(verdict, str):
            bad.append((record.line, verdict))
        else:
            good.append((record.line, verdict))
        if len(good) + len(bad) >= size:
            yield Chunk(good, bad, end)
            good, bad = [], []
    if good or bad:
        yield Chunk(good, bad, end)


def _judge(record: Record, door: Door, limits: Limits) -> Accepted | str:
    if record.content is None:
        return f"longer than {limits.record_bytes} bytes"
    if not record.terminated:
        return "the file ends in the middle of a record (no newline)"
    return door.judge(record.content)
