"""Whatever a line holds, it is an event or a reason, never an exception."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tool.telemetry.limits import read_limits
from tool.telemetry.validate import Accepted, Door
from tool.tests.telemetry.fleet import complete, run_id, start
from tool.tests.telemetry.test_ingest import NOW, ROOT

ODD: tuple[Any, ...] = (
    None, True, -1, 0, 1e308, -1e308, 10**400, float("nan"), float("inf"), "", "x" * 300, "\x00", "𝔘\u202e", [], {},
    [[[]]], {"a": {"b": {}}}, "2026-13-45", "2026-11-24T25:00:00Z", "9999-12-31T23:59:59+00:00", "/etc/passwd",
)  # fmt: skip


def mutants(count: int) -> Iterator[bytes]:
    """Valid events with values exchanged, keys dropped or added, and bytes broken; some stay valid."""
    generator = random.Random(20_261_124)
    for number in range(count):
        event = generator.choice((start, complete))(run_id(number))
        where = generator.choice((event, event["config"], event["hardware"], event["request"]))
        kind = generator.randrange(6)
        if kind <= 2:
            where[generator.choice(list(where))] = generator.choice(ODD)
        elif kind == 3:
            del where[generator.choice(list(where))]
        elif kind == 4:
            where[generator.choice(("user", "event", "", "\ud800", "x" * 500))] = generator.choice(ODD)
        line = bytearray(json.dumps(event).encode())
        if kind == 5:
            for _ in range(generator.randint(1, 8)):
                line[generator.randrange(len(line))] = generator.randrange(256)
        yield bytes(line).replace(b"\n", b" ")


def judge(count: int) -> Counter[str]:
    door = Door(read_limits(ROOT), NOW)
    found: Counter[str] = Counter()
    for line in mutants(count):
        verdict = door.judge(line)
        found["accepted" if isinstance(verdict, Accepted) else "refused"] += 1
        if isinstance(verdict, str):
            assert verdict
            assert verdict.isprintable()
            assert len(verdict) <= 200
        else:
            json.loads(verdict.config)
    return found


def test_two_thousand_mutants() -> None:
    """Mutants are judged without an exception, and both verdicts occur."""
    found = judge(2_000)
    assert found["refused"] > 500
    assert found["accepted"] > 100


@pytest.mark.prove
def test_twenty_thousand_mutants() -> None:
    """The same for ten times as many."""
    assert sum(judge(20_000).values()) == 20_000


def test_binary_noise_is_all_accounted_for(tmp_path: Path) -> None:
    """A file of random bytes is quarantined record by record."""
    from tool.telemetry.ingest import ingest
    from tool.telemetry.store import open_store

    noise = random.Random(3).randbytes(200_000)
    (tmp_path / "noise.jsonl").write_bytes(noise)
    with open_store(tmp_path / "store", write=True) as store:
        counts = ingest(tmp_path / "noise.jsonl", store, read_limits(ROOT), NOW).counts
    assert counts.received == counts.quarantined == noise.count(b"\n") + (not noise.endswith(b"\n"))
