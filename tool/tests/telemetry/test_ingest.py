"""The door of telemetry: everything is counted exactly once, whatever the files hold."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tool.cli import cli
from tool.cli.common import run
from tool.telemetry.ingest import Ingested, ingest
from tool.telemetry.limits import Limits, read_limits
from tool.telemetry.store import open_store
from tool.tests.telemetry.fleet import BAD, complete, lines, planted, put, run_id, start

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def limits() -> Limits:
    return read_limits(ROOT)


def take(path: Path, store: Path, limits: Limits, **options: Any) -> tuple[Ingested, list[dict[str, Any]]]:
    """Ingest and return what was done and the quarantine."""
    with open_store(store, write=True) as opened:
        done = ingest(path, opened, limits, NOW, **options)
        return done, list(done.quarantine(opened))


def counts(done: Ingested) -> dict[str, int]:
    return dataclasses.asdict(done.counts)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_planted_records_are_counted_exactly(tmp_path: Path, limits: Limits, seed: int) -> None:
    """Valid, duplicate and bad records each come out as they were planted, and bad ones by their line."""
    data, expected = planted(seed, 300, 40, 60)
    (tmp_path / "events.jsonl").write_bytes(data)
    done, quarantine = take(tmp_path / "events.jsonl", tmp_path / "store", limits)
    assert counts(done) == expected
    bad = [number for number, line in enumerate(data.split(b"\n")[:-1], start=1) if line in BAD]
    assert [item["line"] for item in quarantine] == bad
    assert all(item["file"] == "events.jsonl" and item["reason"] for item in quarantine)


@pytest.mark.parametrize("index", range(len(BAD)))
def test_each_kind_of_fault_is_quarantined_with_a_reason(tmp_path: Path, limits: Limits, index: int) -> None:
    """A single bad record between two good ones is the only one that is set aside."""
    good = [lines([complete(run_id(index, side))]) for side in (0, 1)]
    (tmp_path / "e.jsonl").write_bytes(good[0] + BAD[index] + b"\n" + good[1])
    done, quarantine = take(tmp_path / "e.jsonl", tmp_path / "store", limits)
    assert counts(done) == {"received": 3, "accepted": 2, "duplicates": 0, "quarantined": 1}
    assert quarantine[0]["line"] == 2
    assert quarantine[0]["reason"].isprintable()


def test_a_second_ingest_finds_only_duplicates(tmp_path: Path, limits: Limits) -> None:
    """The same file again: what was valid is a duplicate, what was bad is bad once more, and nothing is doubled."""
    data, expected = planted(4, 200, 10, 20)
    (tmp_path / "e.jsonl").write_bytes(data)
    take(tmp_path / "e.jsonl", tmp_path / "store", limits)
    done, quarantine = take(tmp_path / "e.jsonl", tmp_path / "store", limits)
    assert counts(done) == expected | {"accepted": 0, "duplicates": 210}
    assert len(quarantine) == 20
    with open_store(tmp_path / "store") as opened:
        assert next(opened.rows("SELECT count(*) FROM events"))[0] == 200
        assert opened.totals().received == 460


def test_start_and_complete_of_a_run_are_two_events(tmp_path: Path, limits: Limits) -> None:
    """Completes may come late, before their start, or without one; identity is run id and kind."""
    id = run_id("pair")
    path = put(tmp_path / "e.jsonl", [complete(id), start(id), start(id), complete(run_id("alone"))])
    done, _ = take(path, tmp_path / "store", limits)
    assert counts(done) == {"received": 4, "accepted": 3, "duplicates": 1, "quarantined": 0}


def test_unterminated_piece_is_quarantined_and_taken_once_it_is_whole(tmp_path: Path, limits: Limits) -> None:
    """A record ends at a newline: what a writer was cut off in is no event until the file is whole."""
    whole = lines([complete(run_id("a")), complete(run_id("b"))])
    path = tmp_path / "e.jsonl"
    path.write_bytes(whole[:-1])
    done, quarantine = take(path, tmp_path / "store", limits)
    assert counts(done) == {"received": 2, "accepted": 1, "duplicates": 0, "quarantined": 1}
    assert "newline" in quarantine[0]["reason"]
    path.write_bytes(whole)
    done, _ = take(path, tmp_path / "store", limits)
    assert counts(done) == {"received": 2, "accepted": 1, "duplicates": 1, "quarantined": 0}


def test_a_huge_line_is_one_quarantined_record(tmp_path: Path, limits: Limits) -> None:
    """A line of 20 MB is counted once and never held in memory as a whole."""
    path = tmp_path / "e.jsonl"
    path.write_bytes(b'{"x":"' + b"y" * 20_000_000 + b'"}\n' + lines([complete(run_id(1))]))
    done, quarantine = take(path, tmp_path / "store", limits)
    assert counts(done) == {"received": 2, "accepted": 1, "duplicates": 0, "quarantined": 1}
    assert quarantine[0]["reason"] == "longer than 65536 bytes"


def test_cap_of_a_source(tmp_path: Path, limits: Limits) -> None:
    """Events over the cap of their source are quarantined; duplicates stay duplicates and other sources are free."""
    small = dataclasses.replace(limits, events_per_source=5)
    put(tmp_path / "in/loud/e.jsonl", [complete(run_id(number)) for number in (*range(8), 0)])
    put(tmp_path / "in/quiet/e.jsonl", [complete(run_id("q", number)) for number in range(3)])
    done, quarantine = take(tmp_path / "in", tmp_path / "store", small)
    assert counts(done) == {"received": 12, "accepted": 8, "duplicates": 1, "quarantined": 3}
    assert {item["file"] for item in quarantine} == {"loud/e.jsonl"}
    assert "cap" in quarantine[0]["reason"]


def test_wrong_clocks_are_bounded_by_receipt(tmp_path: Path, limits: Limits) -> None:
    """A clock some days ahead spoils no measurement: the event counts as of its receipt."""
    path = put(tmp_path / "e.jsonl", [complete(run_id(1), at="2026-12-20T00:00:00+00:00")])
    done, _ = take(path, tmp_path / "store", limits)
    assert done.counts.accepted == 1
    with open_store(tmp_path / "store") as opened:
        assert next(opened.rows("SELECT at FROM events"))[0] == NOW.timestamp()


def test_links_are_not_followed(tmp_path: Path, limits: Limits) -> None:
    """A link in a folder of uploads is refused by name; plain files beside it are read."""
    put(tmp_path / "secret.jsonl", [complete(run_id("secret"))])
    put(tmp_path / "in/a/e.jsonl", [complete(run_id("plain"))])
    (tmp_path / "in/a/link.jsonl").symlink_to(tmp_path / "secret.jsonl")
    (tmp_path / "in/b").symlink_to(tmp_path)
    done, _ = take(tmp_path / "in", tmp_path / "store", limits)
    assert done.counts.received == 1
    assert {item.file for item in done.refused} == {"a/link.jsonl", "b"}


def test_nothing_personal_is_kept(tmp_path: Path, limits: Limits) -> None:
    """A routing key, a local path or a whole config.json in the request never reaches the store."""
    request = {"model": "/home/bob/model", "key": "bob@example.org", "task": "chat", "model_config": {"x": "bob"}}
    path = put(tmp_path / "e.jsonl", [complete(run_id(1), request=request)])
    done, _ = take(path, tmp_path / "store", limits)
    assert done.counts.accepted == 1
    with open_store(tmp_path / "store") as opened:
        (kept,) = next(opened.rows("SELECT document FROM requests"))
    assert json.loads(kept) == {"task": "chat"}


def test_recommendations_are_events_too(tmp_path: Path, limits: Limits) -> None:
    """What `ftc recommend --log` writes is accepted as it stands."""
    log = tmp_path / "log.jsonl"
    question = ["--root", str(ROOT), "--model", "Qwen/Qwen2.5-0.5B", "--task", "chat", "--gpu", "L4"]
    assert run(cli, ["recommend", *question, "--log", str(log)]) == 0
    done, quarantine = take(log, tmp_path / "store", limits)
    assert (done.counts.accepted, quarantine) == (1, [])


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    data, _ = planted(9, 50, 5, 5)
    (tmp_path / "in/team").mkdir(parents=True)
    (tmp_path / "in/team/e.jsonl").write_bytes(data)
    return tmp_path


def test_command_prints_the_contract(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Four counts and the quarantine as JSON, exit 0; an empty folder is exit 3, a missing one exit 2."""
    store = ["--store", str(folder / "store"), "--root", str(ROOT)]
    assert run(cli, ["telemetry", "ingest", str(folder / "in"), *store, "--output", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["received"], told["accepted"], told["duplicates"], told["quarantined"]) == (60, 50, 5, 5)
    assert set(told["quarantine"][0]) == {"file", "line", "reason"}
    (folder / "empty").mkdir()
    assert run(cli, ["telemetry", "ingest", str(folder / "empty"), *store]) == 3
    assert run(cli, ["telemetry", "ingest", str(folder / "none"), *store]) == 2


def test_a_foreign_file_is_no_store(tmp_path: Path) -> None:
    """A broken store is an error with a name, never an empty store or a traceback."""
    (tmp_path / "store").mkdir()
    (tmp_path / "store/events.sqlite").write_bytes(b"no database" * 100)
    assert run(cli, ["telemetry", "report", "--store", str(tmp_path / "store"), "--root", str(ROOT)]) == 2
    assert run(cli, ["telemetry", "report", "--store", str(tmp_path / "none"), "--root", str(ROOT)]) == 2


@pytest.mark.prove
def test_a_million_events(tmp_path: Path, limits: Limits) -> None:
    """1,000,000 events on one core within two minutes of processor time and under 1 GB."""
    import resource

    text = json.dumps(complete("0" * 32))
    with (tmp_path / "e.jsonl").open("w") as file:
        for number in range(1_000_000):
            file.write(text.replace("0" * 32, run_id(number), 1) + "\n")
    begin = time.process_time()
    done, _ = take(tmp_path / "e.jsonl", tmp_path / "store", limits)
    assert time.process_time() - begin < 120
    assert done.counts.accepted == 1_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 1_000_000
