"""Events that a notebook wrote while it really trained, through ingest, report, measurements and the decision."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tool.cli import cli
from tool.cli.common import run
from tool.load import open_repo
from tool.retrain.evidence import gather
from tool.telemetry.forecast import Forecaster
from tool.telemetry.limits import read_limits
from tool.telemetry.runs import open_ledger
from tool.telemetry.store import open_store
from tool.tests.conftest import ROOT
from tool.tests.govern.workbench import run_ftc
from tool.tests.notebooks import harness, rows
from tool.tests.notebooks.conftest import models, tiny
from tool.tests.notebooks.documents import made
from tool.tests.notebooks.test_training import MODELS, proof, train_and_prove
from tool.tests.telemetry.fleet import put
from tool.tests.telemetry.test_ingest import NOW

__all__ = ["models", "tiny"]
pytestmark = pytest.mark.prove
FAR = NOW.replace(year=NOW.year + 50)
"""The notebooks write the clock's own time, which must not lie ahead."""


@pytest.fixture(scope="module")
def trained(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The two events of a notebook that trained a tiny model on this machine's processor."""
    folder = tmp_path_factory.mktemp("trained")
    document = made(model=MODELS["moe"], task="instruction_following", adapter="lora")
    proven = proof("AutoModelForCausalLM", "lora")
    changes = {"LEARNING_RATE": 5e-3, "MICRO_BATCH": 8, "MAX_STEPS": 30}
    train_and_prove(document, "lora", tiny / "moe", rows.instruction, folder, proven, **changes)
    return harness.events(folder)


def ingested(folder: Path, events: list[dict[str, Any]]) -> list[str]:
    """A store with these events; the options that name it."""
    where = ["--store", str(folder / "store"), "--root", str(ROOT), "--now", f"{FAR:%Y-%m-%dT%H:%M:%SZ}"]
    assert run(cli, ["telemetry", "ingest", str(put(folder / "team.jsonl", events)), *where, "--output", "json"]) == 0
    return where


def test_a_dry_run_is_taken_in_and_says_nothing(
    trained: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both events pass the door as they were written; no report, no signal and no measurement knows of them."""
    assert [event["dry_run"] for event in trained] == [True, True]
    where = ingested(tmp_path, trained)
    told = json.loads(capsys.readouterr().out)
    assert (told["received"], told["accepted"], told["quarantined"]) == (2, 2, 0)
    assert run_ftc("telemetry", "report", *where).code == 3
    numbers = run_ftc("retrain", "check", *where, "--output", "json").json["numbers"]
    assert (numbers["new_successes"], numbers["runs_7_days"], numbers.get("memory_runs")) == (0, 0, 0)


def test_a_run_on_a_processor_counts_and_is_never_priced(
    trained: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same run in earnest: a success without a card, whose loss fell; nothing is said of memory."""
    where = ingested(tmp_path, [event | {"dry_run": False} for event in trained])
    report = run_ftc("telemetry", "report", *where, "--output", "json").json
    whole = report["whole"]
    assert (whole["runs"], whole["success"], whole["memory_runs"]) == (1, 1, 0)
    assert 0 < whole["loss_kept"] < 1
    assert [row["gpu"] for row in report["by"]["gpu"]] == ["(none)"]
    repo, limits = open_repo(ROOT), read_limits(ROOT)
    with open_store(tmp_path / "store") as store:
        found = gather(open_ledger(repo, store, FAR, limits.lost_after_hours), Forecaster(repo), limits)
    assert (found.measurements, found.agreeing, found.unconfirmed) == ([], 0, 0)


def test_many_such_runs_become_no_measurement(trained: list[dict[str, Any]], tmp_path: Path) -> None:
    """Three sources that each claim a peak of a run without a card give no row: a processor prices no GPU."""
    limits, repo = read_limits(ROOT), open_repo(ROOT)
    for number in range(3):
        claimed = trained[1] | {"dry_run": False, "run_id": f"{number:032x}", "peak_allocated_gib": 3.0}
        put(tmp_path / f"in/team-{number}/e.jsonl", [claimed])
    where = ["--store", str(tmp_path / "store"), "--root", str(ROOT), "--now", f"{FAR:%Y-%m-%dT%H:%M:%SZ}"]
    assert run_ftc("telemetry", "ingest", str(tmp_path / "in"), *where).code == 0
    with open_store(tmp_path / "store") as store:
        found = gather(open_ledger(repo, store, FAR, limits.lost_after_hours), Forecaster(repo), limits)
    assert (found.measurements, found.unconfirmed) == ([], 0)
