"""Uploaded archives are unpacked without trust."""

from __future__ import annotations

import dataclasses
import json
import stat
import zipfile
from pathlib import Path

import pytest

from tool.cli import cli
from tool.cli.common import run
from tool.telemetry.limits import read_limits
from tool.telemetry.unpack import unpack
from tool.tests.telemetry.fleet import complete, lines, run_id
from tool.tests.telemetry.test_ingest import ROOT

LIMITS = read_limits(ROOT)
EVENTS = lines([complete(run_id("zip"))])


def archive(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def test_events_are_unpacked_under_names_of_our_own(tmp_path: Path) -> None:
    """Plain event files come out with their bytes; a folder inside the archive is no matter."""
    written, refused = unpack(archive(tmp_path / "a.zip", {"runs/x.jsonl": EVENTS}), tmp_path / "out", LIMITS)
    assert (written, refused) == (["a/0001.jsonl"], [])
    assert (tmp_path / "out/a/0001.jsonl").read_bytes() == EVENTS


@pytest.mark.parametrize(
    "name", ["../evil.jsonl", "/etc/evil.jsonl", "a/../../evil.jsonl", "..\\evil.jsonl", "C:\\e.jsonl"]
)
def test_names_that_point_outside_are_refused(tmp_path: Path, name: str) -> None:
    """Zip slip: the member is refused by name, nothing is written outside, and the good member still comes out."""
    file = archive(tmp_path / "a.zip", {name: EVENTS, "good.jsonl": EVENTS})
    written, refused = unpack(file, tmp_path / "out", LIMITS)
    assert len(written) == 1
    assert refused[0].reason == "points outside the archive"
    assert sorted(path.name for path in tmp_path.rglob("*.jsonl")) == ["0002.jsonl"]


def test_links_and_programs_are_refused(tmp_path: Path) -> None:
    """A symbolic link and a file that is no event file never reach the disk."""
    link = zipfile.ZipInfo("link.jsonl")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr(link, "/etc/passwd")
        file.writestr("run.sh", "rm -rf /")
    written, refused = unpack(tmp_path / "a.zip", tmp_path / "out", LIMITS)
    assert written == []
    assert [item.reason for item in refused] == ["is a link or special file", "is no file of events"]


def test_a_bomb_stops_at_the_limit(tmp_path: Path) -> None:
    """An archive that unpacks to far more than the limit is cut off there, whatever its headers say."""
    small = dataclasses.replace(LIMITS, archive_bytes=100_000)
    file = archive(tmp_path / "a.zip", {"good.jsonl": EVENTS, "bomb.jsonl": b"\n" * 50_000_000})
    written, refused = unpack(file, tmp_path / "out", small)
    assert written == ["a/0001.jsonl"]
    assert refused[-1].reason == "holds more than 100000 bytes"
    assert sum(path.stat().st_size for path in (tmp_path / "out").rglob("*.jsonl")) <= 100_000


def test_too_many_members_and_broken_archives(tmp_path: Path) -> None:
    """A count above the limit and a file that is no archive are each refused as a whole."""
    small = dataclasses.replace(LIMITS, archive_files=3)
    many = archive(tmp_path / "many.zip", {f"{number}.jsonl": EVENTS for number in range(4)})
    assert unpack(many, tmp_path / "out", small)[1][0].reason == "holds more than 3 files"
    whole = archive(tmp_path / "whole.zip", {"a.jsonl": EVENTS * 100}).read_bytes()
    for cut in (0, 10, len(whole) // 2, len(whole) - 5):
        (tmp_path / "cut.zip").write_bytes(whole[:cut])
        assert unpack(tmp_path / "cut.zip", tmp_path / f"cut{cut}", LIMITS)[1]


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The command tells what came out, and wants an empty folder."""
    file = archive(tmp_path / "team.zip", {"a.jsonl": EVENTS, "../b.jsonl": EVENTS})
    arguments = ["telemetry", "unpack", str(file), "--into", str(tmp_path / "out"), "--root", str(ROOT)]
    assert run(cli, [*arguments, "--output", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["files"] == ["team/0001.jsonl"]
    assert len(told["refused"]) == 1
    assert run(cli, arguments) == 2
