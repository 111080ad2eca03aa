"""The store: a folder with one SQLite file. A chunk of input, its verdicts and its progress are one transaction.

So a kill at any moment leaves either all of a chunk or nothing of it, and the next ingest goes on where it ended.
"""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tool.errors import FtcError
from tool.telemetry.validate import Accepted, Kept

FILE = "events.sqlite"
LAYOUT = 1
TABLES = f"""
PRAGMA user_version = {LAYOUT};
CREATE TABLE configs (id TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE requests (id TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE sources (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, events INTEGER NOT NULL DEFAULT 0);
CREATE TABLE events (
    {", ".join(Kept._fields)}, source INTEGER NOT NULL, received REAL NOT NULL, UNIQUE (run_id, kind));
CREATE TABLE files (
    name TEXT NOT NULL, digest TEXT NOT NULL, place INTEGER NOT NULL, received INTEGER NOT NULL,
    accepted INTEGER NOT NULL, duplicates INTEGER NOT NULL, quarantined INTEGER NOT NULL, state TEXT NOT NULL,
    PRIMARY KEY (name, digest)) WITHOUT ROWID;
CREATE TABLE quarantine (
    name TEXT NOT NULL, digest TEXT NOT NULL, line INTEGER NOT NULL, reason TEXT NOT NULL,
    PRIMARY KEY (name, digest, line)) WITHOUT ROWID;
CREATE TABLE totals (
    received INTEGER NOT NULL, accepted INTEGER NOT NULL, duplicates INTEGER NOT NULL, quarantined INTEGER NOT NULL);
INSERT INTO totals VALUES (0, 0, 0, 0);
"""
_COLUMNS = ", ".join((*Kept._fields, "source", "received"))
_INSERT = f"INSERT OR IGNORE INTO events ({_COLUMNS}) VALUES ({', '.join('?' * (len(Kept._fields) + 2))})"


@dataclass(frozen=True)
class Counts:
    """received = accepted + duplicates + quarantined, always."""

    received: int = 0
    accepted: int = 0
    duplicates: int = 0
    quarantined: int = 0

    def __add__(self, other: Counts) -> Counts:
        pairs = zip(self.values(), other.values(), strict=True)
        return Counts(*(mine + theirs for mine, theirs in pairs))

    def values(self) -> tuple[int, int, int, int]:
        return self.received, self.accepted, self.duplicates, self.quarantined


@dataclass(frozen=True)
class Progress:
    """How far a file was read: byte offset (or row), and its counts. `state` is open, read or closed."""

    place: int
    counts: Counts
    state: str


@dataclass(frozen=True)
class Chunk:
    """Judged records that follow each other in one file: `bad` pairs line and reason, `place` is where they end."""

    good: list[tuple[int, Accepted]]
    bad: list[tuple[int, str]]
    place: int


class Store:
    """An open store. Use `open_store`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._known: dict[str, set[str]] = {"configs": set(), "requests": set()}

    def rows(self, query: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        """The rows of a query, one after the other."""
        yield from self.connection.execute(query, values)

    def totals(self) -> Counts:
        """Counts over everything that was ever ingested."""
        return Counts(*next(self.rows("SELECT received, accepted, duplicates, quarantined FROM totals")))

    def source(self, name: str) -> int:
        """The number of a source."""
        self.connection.execute("INSERT OR IGNORE INTO sources (name) VALUES (?)", (name,))
        return int(next(self.rows("SELECT id FROM sources WHERE name = ?", name))[0])

    def progress(self, name: str, digest: str) -> Progress | None:
        """How far this very content under this very name was read."""
        query = "SELECT place, received, accepted, duplicates, quarantined, state FROM files WHERE name=? AND digest=?"
        for place, *counts, state in self.rows(query, name, digest):
            return Progress(place, Counts(*counts), state)
        return None

    def begin_file(self, name: str, digest: str) -> None:
        """Start a file anew: its earlier quarantine is told again, not twice."""
        with self.transaction():
            self.connection.execute("DELETE FROM quarantine WHERE name = ? AND digest = ?", (name, digest))
            self.connection.execute("INSERT OR REPLACE INTO files VALUES (?, ?, 0, 0, 0, 0, 0, 'open')", (name, digest))

    def set_state(self, name: str, digest: str, state: str) -> None:
        self.connection.execute("UPDATE files SET state = ? WHERE name = ? AND digest = ?", (state, name, digest))

    def add(self, name: str, digest: str, source: str, chunk: Chunk, cap: int, received: float) -> Counts:
        """Keep one chunk with its progress, in one transaction. Returns its counts."""
        with self.transaction():
            number = self.source(source)
            accepted, over = self._insert(number, chunk, cap, received)
            bad = chunk.bad + over
            all_records = len(chunk.good) + len(chunk.bad)
            counts = Counts(all_records, accepted, all_records - accepted - len(bad), len(bad))
            self.connection.executemany(
                "INSERT OR REPLACE INTO quarantine VALUES (?, ?, ?, ?)", [(name, digest, *item) for item in bad]
            )
            self.connection.execute(
                "UPDATE files SET place = ?, received = received + ?, accepted = accepted + ?, "
                "duplicates = duplicates + ?, quarantined = quarantined + ? WHERE name = ? AND digest = ?",
                (chunk.place, *counts.values(), name, digest),
            )
            self.connection.execute(
                "UPDATE totals SET received = received + ?, accepted = accepted + ?, duplicates = duplicates + ?, "
                "quarantined = quarantined + ?",
                counts.values(),
            )
            self.connection.execute("UPDATE sources SET events = events + ? WHERE id = ?", (accepted, number))
        return counts

    def _insert(self, source: int, chunk: Chunk, cap: int, received: float) -> tuple[int, list[tuple[int, str]]]:
        """Insert what is new. Returns how many, and what was over the cap of its source."""
        room = cap - int(next(self.rows("SELECT events FROM sources WHERE id = ?", source))[0])
        self._share(chunk)
        if len(chunk.good) <= room:
            before = self.connection.total_changes
            self.connection.executemany(_INSERT, [(*item.row, source, received) for _, item in chunk.good])
            return self.connection.total_changes - before, []
        accepted, over = 0, []
        for line, item in chunk.good:
            if accepted < room:
                accepted += self.connection.execute(_INSERT, (*item.row, source, received)).rowcount
            elif not list(self.rows("SELECT 1 FROM events WHERE run_id=? AND kind=?", item.row.run_id, item.row.kind)):
                over.append((line, f"over the cap of {cap} events for one source"))
        return accepted, over

    def _share(self, chunk: Chunk) -> None:
        """Keep the documents that events share."""
        for table in ("configs", "requests"):
            known = self._known[table]
            if len(known) > 200_000:
                known.clear()
            column = table[:-1]
            documents = {getattr(item.row, f"{column}_id"): getattr(item, column) for _, item in chunk.good}
            new = [(id, text) for id, text in documents.items() if id not in known]
            self.connection.executemany(f"INSERT OR IGNORE INTO {table} VALUES (?, ?)", new)
            known.update(id for id, _ in new)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            self._known = {"configs": set(), "requests": set()}
            raise
        self.connection.execute("COMMIT")


@contextmanager
def open_store(folder: Path, write: bool = False) -> Iterator[Store]:
    """Open a store; `write` creates it and keeps other writers out. Raises FtcError for what is no store."""
    path = folder / FILE
    if not write and not path.is_file():
        raise FtcError(
            f"{folder}: is no store of telemetry (make one with `ftc telemetry ingest PATH --store {folder}`)"
        )
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder, write):
        connection = sqlite3.connect(path, isolation_level=None, timeout=60.0)
        try:
            _prepare(connection, path, write)
            yield Store(connection)
        except sqlite3.DatabaseError as error:
            raise FtcError(f"{path}: {error}") from None
        finally:
            connection.close()


@contextmanager
def _alone(folder: Path, write: bool) -> Iterator[None]:
    """One writer at a time; the system gives the lock back when a process dies."""
    if not write:
        yield
        return
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise FtcError(f"{folder}: another ingest is running; wait until it ends") from None
        yield


def _prepare(connection: sqlite3.Connection, path: Path, write: bool) -> None:
    connection.execute("PRAGMA cache_size = -131072")
    if not write:
        connection.execute("PRAGMA query_only = 1")
    layout = connection.execute("PRAGMA user_version").fetchone()[0]
    if layout == 0 and write:
        statements: Iterable[str] = TABLES.split(";")
        connection.execute("BEGIN IMMEDIATE")
        for statement in statements:
            connection.execute(statement)
        connection.execute("COMMIT")
    elif layout != LAYOUT:
        raise FtcError(f"{path}: has layout {layout}, this program reads {LAYOUT}; ingest the files into a new store")
