"""Only artifacts of the named workflow's own runs on main are gathered, and they are unpacked without trust."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tool.cli import cli
from tool.cli.common import run
from tool.tests.telemetry.fleet import complete, lines, run_id
from tool.tests.telemetry.test_ingest import ROOT
from tool.tests.workflows.forge_server import ForgeServer, Reply

REPOSITORY = "acme/models"


def zipped(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        for name, data in members.items():
            file.writestr(name, data)
    return stream.getvalue()


def offer(server: ForgeServer, runs: list[dict[str, Any]], artifacts: dict[int, list[dict[str, Any]]]) -> None:
    """Let the forge offer runs, whatever it was asked for, their artifacts, and the archives."""
    server.override["GET /actions/workflows/train.yml/runs"] = lambda asked: Reply(200, {"workflow_runs": runs})
    server.run_artifacts = artifacts
    for listed in artifacts.values():
        for item in listed:
            server.archives[item["id"]] = zipped({"e.jsonl": lines([complete(run_id("artifact", item["id"]))])})


def ran(number: int, **changes: Any) -> dict[str, Any]:
    """A run on main that a push started."""
    usual = {"head_branch": "main", "event": "push", "actor": {"id": 70 + number}}
    return {"id": number, "head_repository": {"full_name": REPOSITORY}, **usual, **changes}


def gather(folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    where = ["--into", str(folder / "events"), "--root", str(ROOT), "--output", "json"]
    assert run(cli, ["telemetry", "gather", "--repository", REPOSITORY, "--workflow", "train.yml", *where]) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ForgeServer]:
    made = ForgeServer(REPOSITORY)
    made.grant("token", {"actions:read"})
    monkeypatch.setenv("GH_TOKEN", "token")
    monkeypatch.setenv("GITHUB_API_URL", made.url)
    yield made
    made.close()


def test_only_trusted_runs_count(server: ForgeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Runs of forks, of other branches and of pull requests are refused, each with its reason; other names ignored."""
    runs = [
        ran(1),
        ran(2, head_repository={"full_name": "mallory/models"}),
        ran(3, head_branch="feature"),
        ran(4, event="pull_request_target"),
    ]
    item = {"name": "telemetry-1", "size_in_bytes": 500, "expired": False}
    offered = [item | {"id": 11}, item | {"id": 12, "name": "weights"}, item | {"id": 13, "expired": True}]
    offer(server, runs, {1: offered, 2: [item | {"id": 21}], 3: [item | {"id": 31}], 4: [item | {"id": 41}]})
    told = gather(tmp_path, capsys)
    assert told["files"] == ["71/11/0001.jsonl"]
    assert [refused["file"] for refused in told["refused"]] == ["run 2", "run 3", "run 4"]


def test_oversized_artifacts_are_not_even_downloaded(
    server: ForgeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An artifact above the limit is refused by its declared size."""
    offer(server, [ran(1)], {1: [{"id": 11, "name": "telemetry-1", "size_in_bytes": 1 << 40, "expired": False}]})
    told = gather(tmp_path, capsys)
    assert told["files"] == []
    assert "too large" in told["refused"][0]["reason"]


def test_failures_of_the_forge_are_told(
    server: ForgeServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the forge says against a question is the error, exit 2; a name that is none never reaches it."""
    arguments = ["telemetry", "gather", "--workflow", "train.yml", "--into", str(tmp_path / "x"), "--root", str(ROOT)]
    server.tokens = {}
    assert run(cli, [*arguments, "--repository", REPOSITORY]) == 2
    assert "401" in capsys.readouterr().err
    assert run(cli, [*arguments, "--repository", "acme/models/../../user"]) == 2
    assert "owner/name" in capsys.readouterr().err
