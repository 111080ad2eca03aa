"""An ingest that is killed at any moment loses nothing and doubles nothing."""

from __future__ import annotations

import dataclasses
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tool.telemetry import ingest as ingesting
from tool.telemetry.limits import read_limits
from tool.telemetry.store import open_store
from tool.tests.telemetry.fleet import planted
from tool.tests.telemetry.test_ingest import NOW, ROOT

LIMITS = read_limits(ROOT)
RECORDS = 6_000


def attempt(path: Path, store: Path, delay: float) -> bool:
    """Ingest in a child and kill it after `delay` seconds. True when it ended before."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with open_store(store, write=True) as opened:
                ingesting.ingest(path, opened, LIMITS, NOW)
            code = 0
        finally:
            os._exit(code)
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return False
    assert os.waitstatus_to_exitcode(status) == 0
    return True


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Small chunks, so that a kill falls between and inside many transactions."""
    whole = ingesting.judged
    monkeypatch.setattr(ingesting, "judged", lambda found, door, limits: whole(found, door, limits, 100))
    return


def kill_until(kills: int, folder: Path, seed: int) -> int:
    """Kill ingests of several files until there were so many kills; each file must come out exactly. The kills."""
    generator, done, number = random.Random(seed), 0, 0
    while done < kills:
        number += 1
        data, expected = planted(seed * 1000 + number, RECORDS, RECORDS // 10, RECORDS // 10)
        source = folder / f"{number}/uploads"
        source.mkdir(parents=True)
        half = data.index(b"\n", len(data) // 2) + 1
        (source / "first.jsonl").write_bytes(data[:half])
        (source / "second.jsonl").write_bytes(data[half:])
        store = folder / f"{number}/store"
        while not attempt(source, store, generator.uniform(0.0, 0.15) + 0.002 * (done % 7)):
            done += 1
            if done >= kills:
                break
        check(source, store, expected)
    return done


def check(path: Path, store: Path, expected: dict[str, int]) -> None:
    """The ingest that ends it all: nothing lost, nothing doubled, and every bad record once."""
    with open_store(store, write=True) as opened:
        finished = next(opened.rows("SELECT count(*) FROM files WHERE state = 'closed'"))[0] == 2
        if not finished:
            done = ingesting.ingest(path, opened, LIMITS, NOW)
            assert dataclasses.asdict(done.counts) == expected
            assert len(list(done.quarantine(opened))) == expected["quarantined"]
        assert next(opened.rows("SELECT count(*) FROM events"))[0] == expected["accepted"]
        assert next(opened.rows("SELECT count(*) FROM quarantine"))[0] == expected["quarantined"]
        assert dataclasses.asdict(opened.totals()) == expected


def test_killed_at_ten_moments(tmp_path: Path) -> None:
    """Ten kills at random moments, each followed by a new ingest: the counts are those of one undisturbed ingest."""
    assert kill_until(10, tmp_path, 1) >= 10


@pytest.mark.prove
def test_killed_at_two_hundred_moments(tmp_path: Path) -> None:
    """Two hundred kills at random moments."""
    assert kill_until(200, tmp_path, 2) >= 200
