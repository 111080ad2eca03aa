"""From the first event of a run to reports and metrics."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tool.cli import cli
from tool.cli.common import run
from tool.telemetry.summary import wilson
from tool.telemetry.write import outcome_of
from tool.tests.telemetry.fleet import complete, put, run_id, start
from tool.tests.telemetry.test_ingest import ROOT

CLOCK = ["--now", "2026-11-24T12:00:00Z"]


@pytest.fixture
def store(tmp_path: Path) -> list[str]:
    """A store with six successes, two OOMs of a canary, one lost run, one that goes on, and a rehearsal."""
    canary = {"slot": "canary", "engine": "2026.11.1", "outcome": "oom"}
    events = [
        *(complete(run_id("s", number)) for number in range(6)),
        *(complete(run_id("o", number), **canary) for number in range(2)),
        start(run_id("lost"), at="2026-11-01T00:00:00+00:00"),
        start(run_id("running"), at="2026-11-24T11:00:00+00:00"),
        complete(run_id("dry"), dry_run=True),
    ]
    put(tmp_path / "e.jsonl", events)
    where = ["--store", str(tmp_path / "store"), "--root", str(ROOT), *CLOCK]
    assert run(cli, ["telemetry", "ingest", str(tmp_path / "e.jsonl"), *where]) == 0
    return where


def test_report_counts_by_slot(store: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Successes, OOMs and lost runs by slot, with the OOM rate and predicted against measured memory."""
    capsys.readouterr()
    assert run(cli, ["telemetry", "report", *store, "--output", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    slots = {row["slot"]: row for row in told["by"]["slot"]}
    assert (slots["production"]["success"], slots["production"]["lost"], slots["canary"]["oom"]) == (6, 1, 2)
    assert slots["canary"]["oom_rate"] == 1.0
    assert slots["production"]["memory_runs"] == 6
    assert 0.1 < slots["production"]["measured_over_predicted"] < 10
    assert told["whole"]["runs"] == 9


def test_report_forms(store: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Text and markdown name every grouping, and plots are well-formed SVG."""
    import xml.etree.ElementTree as Xml

    capsys.readouterr()
    assert run(cli, ["telemetry", "report", *store, "--plots", str(tmp_path / "plots"), "--output", "markdown"]) == 0
    text = capsys.readouterr().out
    assert all(f"## By {name}" in text for name in ("slot", "engine", "card", "model", "adapter"))
    for name in ("oom_rate.svg", "peaks.svg"):
        assert Xml.fromstring((tmp_path / "plots" / name).read_text()).tag.endswith("svg")


def test_metrics_are_prometheus_text(store: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Every line is a comment or a sample, each family is declared once, and the counts are those of the store."""
    capsys.readouterr()
    assert run(cli, ["telemetry", "metrics", *store]) == 0
    text = capsys.readouterr().out
    sample = re.compile(r'^[a-z_]+(\{([a-z_]+="[^"\n]*",?)*\})? [-+.e0-9]+$')
    assert all(line.startswith("# ") or sample.match(line) for line in text.splitlines())
    declared = re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)
    assert len(declared) == len(set(declared)) == 7
    assert 'ftc_runs_by_slot_total{outcome="oom",slot="canary"} 2' in text
    assert 'ftc_telemetry_events_total{verdict="accepted"} 11' in text


def test_hostile_names_stay_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A model, slot or engine that is named like markup breaks no table and no metric."""
    evil = 'a"\n|<script>`x`\\'
    put(tmp_path / "e.jsonl", [complete(run_id(1), slot=evil, engine=evil, config={"model": "m|<b>"})])
    where = ["--store", str(tmp_path / "store"), "--root", str(ROOT), *CLOCK]
    assert run(cli, ["telemetry", "ingest", str(tmp_path / "e.jsonl"), *where]) == 0
    capsys.readouterr()
    assert run(cli, ["telemetry", "report", *where, "--output", "markdown"]) == 0
    assert not {"<", "`"} & set(capsys.readouterr().out)
    assert run(cli, ["telemetry", "metrics", *where]) == 0
    assert r'slot="a\"\n|<script>`x`\\"' in capsys.readouterr().out


def test_start_and_complete_from_a_script(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A script's two commands give two events that ingest accepts; out of memory is read from its log."""
    runs = ["--runs", str(tmp_path / "runs")]
    changed = '{"learning_rate": 0.0001, "adapter": "lora"}'
    assert run(cli, ["telemetry", "start", "--config", changed, "--gpu", "NVIDIA L4", *runs]) == 0
    id = capsys.readouterr().out.strip()
    (tmp_path / "log").write_text("step 7\ntorch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB\n")
    assert run(cli, ["telemetry", "complete", id, "--log", str(tmp_path / "log"), "--exit-code", "1", *runs]) == 0
    events = [json.loads(line) for line in (tmp_path / f"runs/{id}.jsonl").read_text().splitlines()]
    assert [event["event"] for event in events] == ["run_start", "run_complete"]
    assert events[1]["outcome"] == "oom"
    assert events[1]["config"]["learning_rate"] == 0.0001
    store = ["--store", str(tmp_path / "store"), "--root", str(ROOT)]
    assert run(cli, ["telemetry", "ingest", str(tmp_path / "runs"), *store]) == 0


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["complete", "nonsense", "--outcome", "success"], "no run id"),
        (["complete", "0" * 32, "--outcome", "success"], "does not exist"),
        (["start", "--config", "[1]"], "no JSON object"),
        (["start", "--config", '{"output_dir": "/home/bob"}'], "path"),
        (["start", "--usable-gib", "-4"], "greater than 0"),
    ],
)
def test_bad_words_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], word: str
) -> None:
    """Each wrong argument is one error that names it, exit 2, and no event is written."""
    assert run(cli, ["telemetry", *arguments, "--runs", str(tmp_path / "runs")]) == 2
    assert word in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.jsonl"))


@pytest.mark.parametrize(
    ("text", "code", "outcome"),
    [
        ("all good", 0, "success"),
        ("HIP out of memory", 1, "oom"),
        ("{'loss': nan}", 0, "diverged"),
        ("ValueError", 1, "error"),
        ("", 130, "cancelled"),
        ("caught: CUDA out of memory, micro-batch halved", 0, "success"),
    ],
)
def test_outcome_from_a_log(tmp_path: Path, text: str, code: int, outcome: str) -> None:
    """The end of a log and the exit code tell how a run ended; an OOM that was caught is none."""
    (tmp_path / "log").write_text(text)
    assert outcome_of(tmp_path / "log", code) == outcome


def test_wilson_interval() -> None:
    """The interval holds the share, is within 0 and 1, and narrows with the count (5 of 100: 0.0215 to 0.1118)."""
    low, high = wilson(5, 100)
    assert (round(low, 4), round(high, 4)) == (0.0215, 0.1118)
    assert wilson(0, 0) == (0.0, 1.0)
