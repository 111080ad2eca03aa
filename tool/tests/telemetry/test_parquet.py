"""Parquet in and out, and events at URLs, with the real pyarrow and fsspec of the notebooks' environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tool.cli import cli
from tool.cli.common import run
from tool.tests.conftest import ROOT
from tool.tests.notebooks import harness
from tool.tests.telemetry.fleet import complete, lines, put, run_id, start

NOW = ["--now", "2026-11-24T12:00:00Z", "--root", str(ROOT)]
Ftc = Callable[..., subprocess.CompletedProcess[str]]

WRITE = """
import json, sys, pyarrow, pyarrow.parquet
events = [json.loads(line) for line in open(sys.argv[1])]
names = sorted({name for event in events for name in event})
table = pyarrow.Table.from_pylist([{name: event.get(name) for name in names} for event in events])
pyarrow.parquet.write_table(table, sys.argv[2], row_group_size=7)
"""
READ = """
import json, sys, pyarrow.parquet
print(json.dumps(pyarrow.parquet.read_table(sys.argv[1]).to_pylist()))
"""


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A folder with pyarrow and fsspec alone, to be put in front of the tool's own packages."""
    assert harness.PYTHON.exists(), f"{harness.PYTHON} is missing: run `make test-notebooks`"
    told = "import pyarrow, fsspec, pathlib; print(*(pathlib.Path(m.__file__).parent for m in (pyarrow, fsspec)))"
    found = subprocess.run([harness.PYTHON, "-c", told], capture_output=True, text=True, check=True).stdout.split()
    folder = tmp_path / "packages"
    folder.mkdir()
    for path in map(Path, found):
        for package in (path, path.with_name(f"{path.name}.libs")):
            if package.is_dir():
                (folder / package.name).symlink_to(package)
    return folder


@pytest.fixture
def ftc(packages: Path) -> Ftc:
    """Run `ftc`, or Python code, with these packages."""

    def call(*arguments: str, code: str = "from tool.cli import main; main()") -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"PYTHONPATH": f"{ROOT}:{packages}"}
        program = [sys.executable, "-c", code, *arguments]
        return subprocess.run(program, env=environment, capture_output=True, text=True, check=False)

    return call


def counted(done: subprocess.CompletedProcess[str]) -> tuple[int, int, int, int]:
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    return told["received"], told["accepted"], told["duplicates"], told["quarantined"]


def events() -> list[dict[str, Any]]:
    """Starts, ends of every outcome, and one of a bad range."""
    good = [start(run_id("begun")), *(complete(run_id("p", number)) for number in range(40))]
    ooms = [complete(run_id("o", number), outcome="oom", final_loss=None) for number in range(5)]
    return [*good, *ooms, complete(run_id("bad"), peak_allocated_gib=-3.0)]


@pytest.mark.prove
def test_parquet_says_what_json_lines_say(tmp_path: Path, ftc: Ftc) -> None:
    """The same events as Parquet and as JSON Lines give the same counts, and to the figure the same report."""
    put(tmp_path / "lines/team.jsonl", events())
    (tmp_path / "columns").mkdir()
    made = ftc(str(tmp_path / "lines/team.jsonl"), str(tmp_path / "columns/team.parquet"), code=WRITE)
    assert made.returncode == 0, made.stderr
    reports = []
    for kind in ("lines", "columns"):
        store = ("--store", str(tmp_path / f"store-{kind}"), *NOW)
        done = ftc("telemetry", "ingest", str(tmp_path / kind), *store, "--output", "json")
        assert counted(done) == (47, 46, 0, 1)
        again = ftc("telemetry", "ingest", str(tmp_path / kind), *store, "--output", "json")
        assert counted(again) == (47, 0, 46, 1)
        reports.append(ftc("telemetry", "report", *store, "--output", "json").stdout)
    assert reports[0] == reports[1]
    assert json.loads(reports[1])["whole"]["oom"] == 5


@pytest.mark.prove
def test_a_broken_parquet_file_is_one_error(tmp_path: Path, ftc: Ftc) -> None:
    """Bytes that are no Parquet are named as such, exit 2, and no traceback."""
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 but not really PAR1")
    done = ftc("telemetry", "ingest", str(tmp_path / "bad.parquet"), "--store", str(tmp_path / "store"), *NOW)
    assert done.returncode == 2
    assert "is no readable Parquet file" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.prove
def test_aggregates_as_parquet(tmp_path: Path, ftc: Ftc) -> None:
    """The aggregates come back from Parquet with the figures of the JSON."""
    put(tmp_path / "team.jsonl", events())
    store = ("--store", str(tmp_path / "store"), *NOW)
    counted(ftc("telemetry", "ingest", str(tmp_path / "team.jsonl"), *store, "--output", "json"))
    for name in ("a.json", "a.parquet"):
        assert ftc("telemetry", "aggregate", "--file", str(tmp_path / name), *store).returncode == 0
    plain = json.loads((tmp_path / "a.json").read_text())
    rows = json.loads(ftc(str(tmp_path / "a.parquet"), code=READ).stdout)
    assert len(rows) == sum(len(table) for table in plain["by"].values())
    for group, table in plain["by"].items():
        found = {row["name"]: row for row in rows if row["group"] == group}
        for row in table:
            assert {key: found[row[group]][key] for key in row if key != group} == {
                key: value for key, value in row.items() if key != group
            }


@pytest.mark.prove
@pytest.mark.parametrize("scheme", ["file", "memory", "zip"])
def test_events_at_a_url(tmp_path: Path, ftc: Ftc, scheme: str) -> None:
    """Folders at URLs are read as folders are, sources included; three kinds of store stand for all of fsspec's."""
    put(tmp_path / "events/a/e.jsonl", [complete(run_id("a", number)) for number in range(3)])
    put(tmp_path / "events/b/e.jsonl", [complete(run_id("b", number)) for number in range(4)])
    before = ""
    url = f"file://{tmp_path}/events"
    if scheme == "zip":
        subprocess.run([sys.executable, "-m", "zipfile", "-c", "e.zip", "events/"], cwd=tmp_path, check=True)
        url = f"zip://events::file://{tmp_path}/e.zip"
    if scheme == "memory":  # lives in one process, so it is filled there
        before = f"import fsspec; fsspec.filesystem('memory').put('{tmp_path}/events', '/bucket', recursive=True)\n"
        url = "memory://bucket"
    code = before + "from tool.cli import main; main()"
    store = ("--store", str(tmp_path / "store"), *NOW)
    assert counted(ftc("telemetry", "ingest", url, *store, "--output", "json", code=code)) == (7, 7, 0, 0)
    accounts = "import sqlite3, sys; print(*sqlite3.connect(sys.argv[1]).execute('SELECT name, events FROM sources'))"
    told = ftc(str(tmp_path / "store/events.sqlite"), code=accounts).stdout
    assert "('a', 3)" in told
    assert "('b', 4)" in told


@pytest.mark.prove
@pytest.mark.parametrize(
    ("url", "word"), [("memory://nothing", "holds no file"), ("nosuch://x", "nosuch"), ("file:///no/where", "no file")]
)
def test_urls_that_hold_nothing(tmp_path: Path, ftc: Ftc, url: str, word: str) -> None:
    """One error that names the URL, exit 2, and no traceback."""
    done = ftc("telemetry", "ingest", url, "--store", str(tmp_path / "store"), *NOW)
    assert done.returncode == 2, done.stdout + done.stderr
    assert word in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_missing_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the extra, Parquet and URLs say which package to install; a path that is not there is named."""
    for name in ("pyarrow", "fsspec", "fsspec.core"):
        monkeypatch.setitem(sys.modules, name, None)
    (tmp_path / "e.parquet").write_bytes(lines([]))
    for path, word in (("file:///tmp", "fsspec"), (tmp_path / "e.parquet", "pyarrow"), (tmp_path / "x", "exist")):
        assert run(cli, ["telemetry", "ingest", str(path), "--store", str(tmp_path / "store"), *NOW]) == 2
        assert word in capsys.readouterr().err
