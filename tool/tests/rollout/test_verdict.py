"""`ftc canary verdict` on real stores: healthy, unhealthy or inconclusive, and what the rules make of the report."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tool.errors import InputFaults
from tool.govern.evidence import health_path
from tool.policy.files import read_policies
from tool.policy.policies import load_policies
from tool.rollout.parameters import PATH, POLICY, Parameters, read_parameters
from tool.tests.govern.workbench import LIVE, NEXT, Workbench
from tool.tests.telemetry.fleet import CONFIG, complete, put, run_id

HOURS = 40
RUNS = 2_000


def runs(
    bench: Workbench,
    oom: float = 0.02,
    canary_oom: float = 0.02,
    share: float = 0.2,
    total: int = RUNS,
    loss: float = 1.0,
    seed: int = 1,
) -> list[dict[str, Any]]:
    """Runs of `HOURS` hours after the bench's time. `loss` multiplies the canary's final losses."""
    random = np.random.default_rng(seed)
    events = []
    for number in range(total):
        canary = bool(random.random() < share)
        outcome = "oom" if random.random() < (canary_oom if canary else oom) else "success"
        at = (bench.now + timedelta(hours=HOURS * (number + 1) / total)).isoformat()
        changes: dict[str, Any] = {"outcome": outcome, "first_loss": 2.0, "final_loss": None}
        if outcome == "success":
            changes["final_loss"] = float(random.normal(1.2, 0.1)) * (loss if canary else 1.0)
        slot, engine = ("canary", NEXT) if canary else ("production", LIVE)
        events.append(complete(run_id(seed, number), at=at, slot=slot, engine=engine, **changes))
    return events


def verdict(bench: Workbench, folder: Path, events: list[dict[str, Any]], hours: float, *options: str) -> Any:
    """The verdict's answer in JSON beside its exit code, so many hours later."""
    put(folder / "events.jsonl", events)
    now = (bench.now + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")
    store = str(folder / "store")
    told = bench.ftc("telemetry", "ingest", str(folder / "events.jsonl"), "--store", store, "--now", now)
    assert told.code in (0, 3), told.err
    answer = bench.ftc("canary", "verdict", "--telemetry", store, "--now", now, "--output", "json", *options)
    assert answer.out, answer.err
    return answer.code, answer.json


def statuses(report: Any) -> dict[str, str]:
    return {each["id"]: each["status"] for each in report["comparisons"]}


def test_a_canary_as_good_as_production_is_healthy_and_may_grow(bench: Workbench, tmp_path: Path) -> None:
    """Same rates: healthy, written where governance looks, and the rules let the canary grow on it."""
    code, report = verdict(bench, tmp_path, runs(bench), HOURS + 1, "--write")
    assert (code, report["verdict"]) == (0, "healthy"), report
    assert statuses(report) == dict.fromkeys(("runs", "fresh", "share", "oom", "failure", "loss"), "healthy") | {
        "confidence": "inconclusive"
    }
    (path,) = report["written"]
    assert path == health_path(NEXT, report["generation"])
    assert json.loads(bench.read(path))["runs_canary"] == report["runs_canary"] > 300
    bench.later(HOURS + 2)
    bench.step("canary", "set", "0.5")


def test_a_canary_that_runs_out_of_memory_is_unhealthy(bench: Workbench, tmp_path: Path) -> None:
    """Five times the OOM rate: unhealthy, exit 1, both rates told, and the canary may not grow."""
    code, report = verdict(bench, tmp_path, runs(bench, canary_oom=0.1), HOURS + 1, "--write")
    assert (code, report["verdict"]) == (1, "unhealthy")
    (oom,) = (each for each in report["comparisons"] if each["id"] == "oom")
    assert oom["canary"] > 0.07 > 0.03 > oom["production"]
    assert oom["evidence"] >= oom["threshold"] == 80
    bench.later(HOURS + 2)
    assert bench.ftc("canary", "set", "0.5", "--now", bench.clock, "--actor", "maria").code == 1


def test_a_worse_loss_is_unhealthy(bench: Workbench, tmp_path: Path) -> None:
    """Runs succeed alike, but the canary's keep a tenth more of their loss: unhealthy by that alone."""
    _, report = verdict(bench, tmp_path, runs(bench, loss=1.1), HOURS + 1)
    found = statuses(report)
    assert report["verdict"] == "unhealthy"
    assert [name for name, status in found.items() if status == "unhealthy"] == ["loss"]


@pytest.mark.parametrize(
    ("changes", "hours", "reason"),
    [
        ({"total": 0}, HOURS, "runs"),
        ({"total": 60}, HOURS, "runs"),
        ({"share": 0.0}, HOURS, "runs"),
        ({}, HOURS + 30, "fresh"),
        ({"share": 0.4}, HOURS, "share"),
    ],
)
def test_missing_is_never_healthy(
    bench: Workbench, tmp_path: Path, changes: dict[str, Any], hours: float, reason: str
) -> None:
    """No runs, few runs, none of the canary, old runs, or another share than the routed one: inconclusive, exit 4."""
    code, report = verdict(bench, tmp_path, runs(bench, **changes), hours)
    assert (code, report["verdict"]) == (4, "inconclusive"), report
    assert statuses(report)[reason] == "inconclusive"


def test_runs_of_another_step_or_engine_do_not_count(bench: Workbench, tmp_path: Path) -> None:
    """Runs from before the step, of another engine, and cancelled ones leave the verdict without data."""
    early = [{**event, "at": "2026-10-01T00:00:00+00:00"} for event in runs(bench, total=100)]
    others = [{**event, "engine": "2025.01.0"} for event in runs(bench, total=100, seed=2)]
    stopped = [{**event, "outcome": "cancelled"} for event in runs(bench, total=100, seed=3)]
    _, report = verdict(bench, tmp_path, early + others + stopped, HOURS)
    assert (report["runs_production"], report["runs_canary"]) == (0, 0)


def test_confidence_that_does_not_come_true_is_drift(bench: Workbench, tmp_path: Path) -> None:
    """Both slots succeed alike; the canary promises 0.95 and production 0.55: the drift alone is unhealthy."""
    events = runs(bench, oom=0.4, canary_oom=0.4)
    answers = [
        {
            "event": "recommendation",
            "schema_version": 1,
            "event_id": run_id("answer", slot),
            "at": bench.now.isoformat(),
            "request": events[0]["request"],
            "engine": engine,
            "slot": slot,
            "strategy": "engine",
            "config": CONFIG,
            "confidence": confidence,
            "constrained_safe": True,
            "verdict": "fits",
        }
        for slot, engine, confidence in (("canary", NEXT, 0.95), ("production", LIVE, 0.55))
    ]
    _, report = verdict(bench, tmp_path, [*answers, *events], HOURS + 1)
    assert statuses(report)["confidence"] == "unhealthy"
    assert statuses(report)["oom"] != "unhealthy"


def test_the_same_runs_give_the_same_bytes(bench: Workbench, tmp_path: Path) -> None:
    """The order of events in the files changes nothing of the report."""
    events = runs(bench, total=400)
    first = verdict(bench, tmp_path / "a", events, HOURS)[1]
    assert verdict(bench, tmp_path / "b", events[::-1], HOURS)[1] == first


def test_every_parameter_is_read_and_every_fault_is_named(bench: Workbench) -> None:
    """The rules hold just what a verdict reads; wrong and missing parameters are told all at once."""
    policies = load_policies(read_policies(bench.root), ("rollout",))
    assert set(policies[POLICY].params) == {item.name for item in fields(Parameters)}
    bench.replace(PATH, "  beta: 0.05 ", "  beta: true ")
    bench.replace(PATH, "  stakes: [0.1, 0.25, 0.5, 0.9] ", "  stakes: [2.0] ")
    bench.replace(PATH, "  failures: [oom, diverged, error, lost]\n", "")
    with pytest.raises(InputFaults) as caught:
        read_parameters(load_policies(read_policies(bench.root), ("rollout",)))
    assert [fault.field for fault in caught.value.faults] == ["params.beta", "params.failures", "params.stakes"]


def test_without_a_canary_or_rules_there_is_a_clear_error(bench: Workbench, tmp_path: Path) -> None:
    """No store, no parameter, no canary: exit 2, and the message names what to mend."""
    missing = bench.ftc("canary", "verdict", "--telemetry", str(tmp_path / "none"))
    assert missing.code == 2
    assert "is no store" in missing.err
    bench.replace("policies/rollout/canary-health.yaml", "  alpha: 0.05 ", "  alpha: 5.0 ")
    wrong = bench.ftc("canary", "verdict", "--telemetry", str(tmp_path / "none"))
    assert (wrong.code, "params.alpha" in wrong.err) == (2, True), wrong.err
    bench.step("rollback")
    aborted = bench.ftc("canary", "verdict", "--telemetry", str(tmp_path / "none"))
    assert (aborted.code, "no canary runs" in aborted.err) == (2, True), aborted.err
