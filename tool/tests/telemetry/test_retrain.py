"""Retraining: decided by policy, robust to whoever uploads most, and never a promotion."""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tool.cli import cli
from tool.cli.common import run
from tool.load import open_repo
from tool.memory.cards import LEFT, card_terms
from tool.memory.cases import cases_of
from tool.memory.measurements import Measurement
from tool.memory.overhead import Calibration, CardTerm, load_calibration
from tool.policy.variables import TelemetryView
from tool.retrain.candidate import Candidate, build
from tool.retrain.decision import decide
from tool.retrain.evidence import Evidence, gather
from tool.retrain.weights import capped, weighted_median
from tool.telemetry.forecast import Forecaster
from tool.telemetry.ingest import ingest
from tool.telemetry.limits import read_limits
from tool.telemetry.runs import Ledger
from tool.telemetry.store import open_store
from tool.tests.telemetry.fleet import complete, put, run_id
from tool.tests.telemetry.test_ingest import ROOT

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
CALM: dict[str, Any] = {
    "hours_since_training": 100.0,
    "new_successes": 10,
    "runs_7_days": 30,
    "oom_rate_7_days": 0.0,
    "memory_ratio": 0.95,
    "memory_runs": 30,
    "received": 100,
    "accepted": 90,
    "duplicates": 5,
    "quarantined": 5,
    "largest_source_events": 40,
}


@pytest.mark.parametrize(
    ("change", "action", "rule"),
    [
        ({}, "wait", None),
        ({"new_successes": 50}, "retrain", "new-runs/few"),
        ({"oom_rate_7_days": 0.04}, "retrain", "oom-rate/low"),
        ({"oom_rate_7_days": 0.04, "runs_7_days": 19}, "wait", None),
        ({"memory_ratio": 1.3}, "retrain", "memory-drift/accurate"),
        ({"new_successes": 500, "hours_since_training": 71.0}, "wait", "cooldown/cooled-down"),
        ({"new_successes": 500, "accepted": 89}, "wait", "intake/accounted"),
        ({"new_successes": 500, "hours_since_training": None}, "wait", "cooldown/cooled-down"),
    ],
)
def test_decisions(change: dict[str, Any], action: str, rule: str | None) -> None:
    """Each default of the design decides as it says, and the rule that decided is named with its numbers."""
    found = decide(ROOT, TelemetryView(**CALM | change), NOW)
    assert found.action == action
    assert rule is None or rule in {item.id for item in found.rules if item.role != "quiet"}
    assert rule is None or rule in found.text()


def test_capped_weights() -> None:
    """No source has more than its share, small ones keep their count, and too few sources weigh the same."""
    weights = capped({1: 10, 2: 10, 3: 10, 4: 10, 5: 1000}, 0.25)
    assert max(weights.values()) / sum(weights.values()) <= 0.25 + 1e-9
    assert weights[1] == 10.0
    assert capped({1: 5, 2: 500}, 0.25) == {1: 5.0, 2: 5.0}
    assert capped({1: 7}, 0.25) == {1: 7.0}
    assert capped({}, 0.25) == {}


def test_weighted_median() -> None:
    """Half of the weight decides, not half of the values."""
    assert weighted_median([(1.0, 1.0), (2.0, 1.0), (100.0, 1.0)]) == 2.0
    assert weighted_median([(1.0, 1.0), (9.0, 5.0)]) == 9.0
    assert weighted_median([]) is None


def fleet(seed: int, runs: int, poisoned: float, peak: float = 6.5) -> Iterable[tuple[str, dict[str, Any]]]:
    """(source, event) of honest teams and one poisoner who tells tiny peaks and absurd learning rates."""
    generator = random.Random(seed)
    for number in range(runs):
        evil = generator.random() < poisoned
        rate = 1e-2 if evil else generator.choice((1.5e-4, 2e-4, 3e-4))
        seen = 0.2 if evil else peak * generator.uniform(0.99, 1.01)
        event = complete(
            run_id(seed, number),
            config={"learning_rate": rate, "max_length": generator.choice((512, 1024))},
            peak_allocated_gib=seen,
            peak_reserved_gib=seen * 1.1,
        )
        yield "poisoner" if evil else f"team-{generator.randrange(6)}", event


def evidence_of(tmp_path: Path, events: Iterable[tuple[str, dict[str, Any]]]) -> Evidence:
    """What a fleet's runs teach."""
    files: dict[str, list[dict[str, Any]]] = {}
    for source, event in events:
        files.setdefault(source, []).append(event)
    for source, listed in files.items():
        put(tmp_path / f"in/{source}/e.jsonl", listed)
    limits = read_limits(ROOT)
    with open_store(tmp_path / "store", write=True) as store:
        assert ingest(tmp_path / "in", store, limits, NOW).counts.quarantined == 0
        return gather(Ledger(store, NOW, {}, 72.0), Forecaster(open_repo(ROOT)), limits)


def terms_of(evidence: Evidence) -> dict[str, CardTerm]:
    """What the cards of the repository would learn from evidence."""
    repo = open_repo(ROOT)
    rows = [Measurement.model_validate(row) for row in evidence.measurements]
    known = {card.id: card.usable_gib for card in repo.gpus}
    return card_terms(cases_of(repo, rows), load_calibration(ROOT), known)


def test_a_poisoner_lowers_no_term_and_raises_none_alone(tmp_path: Path) -> None:
    """A source with 30 % of the events leaves the term of a card where honest sources put it."""
    clean = terms_of(evidence_of(tmp_path / "clean", fleet(1, 400, 0.0, peak=21.0)))
    dirty = terms_of(evidence_of(tmp_path / "dirty", fleet(1, 400, 0.3, peak=21.0)))
    assert clean["L4"].need > 1.5
    assert dirty["L4"].need == pytest.approx(clean["L4"].need, rel=0.02)


def test_what_one_source_says_alone_is_no_measurement(tmp_path: Path) -> None:
    """Surprises count on cards where three sources had one; impossible peaks never."""
    alone = [("loud", event) for _, event in fleet(2, 50, 0.0, peak=21.0)]
    found = evidence_of(tmp_path / "alone", alone)
    assert (found.measurements, found.unconfirmed) == ([], 2)
    beyond = evidence_of(tmp_path / "beyond", fleet(3, 60, 0.0, peak=40.0))
    assert (beyond.measurements, beyond.implausible) == ([], 60)


def test_few_surprises_of_many_runs_are_no_measurement(tmp_path: Path) -> None:
    """Each team has one run in fifty above its bound: that is what a bound leaves out; one in ten is not."""
    teams: dict[str, list[dict[str, Any]]] = {}
    for team, event in fleet(6, 900, 0.0, peak=3.0):
        teams.setdefault(team, []).append(event)

    def spoilt(every: int) -> Evidence:
        changed = {"peak_allocated_gib": 21.0, "peak_reserved_gib": 21.1}
        events = [
            (team, event | (changed if number % every == 1 else {}))
            for team, listed in teams.items()
            for number, event in enumerate(listed)
        ]
        return evidence_of(tmp_path / str(every), events)

    assert spoilt(50).measurements == []
    rows = spoilt(10).measurements
    assert {row["gpu"] for row in rows} == {"L4"}
    shares: Counter[str] = Counter()
    for row in rows:
        shares[row["source"]["repo_or_title"]] += row["source"]["runs"] / row["source"]["of"]
    assert len(shares) == len(teams)
    assert min(shares.values()) > LEFT


def candidate_of(tmp_path: Path, evidence: Evidence) -> Candidate:
    return build(ROOT, "2099.01.0", evidence, {}, NOW)


@pytest.mark.prove
def test_a_poisoner_moves_no_rate_and_lowers_no_bound(tmp_path: Path) -> None:
    """30 % poison: no recommended learning rate of the candidate moves by more than 10 %, and bounds only rise."""
    import yaml

    evidence = evidence_of(tmp_path, fleet(4, 2_000, 0.3, peak=21.0))
    candidate = candidate_of(tmp_path, evidence)
    assert candidate.taught.held or candidate.taught.step <= 1.10
    assert candidate.measurements == len(evidence.measurements) > 0
    before = load_calibration(ROOT)
    after = Calibration.model_validate(yaml.safe_load(candidate.files["registry/measurements/calibration.yaml"]))
    assert after.bounds == before.bounds
    assert set(candidate.cards) == {"L4"}
    assert after.cards["L4"].need > 1.5
    recipes = candidate.files.get("registry/recipes/telemetry.jsonl", b"").decode().splitlines()
    assert all(json.loads(line)["config"]["learning_rate"] < 1e-3 for line in recipes)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A copy of the facts, choices and rules."""
    root = tmp_path / "repository"
    for name in ("registry", "profiles", "policies"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("engines", "oracle"))
    (root / "evaluation").mkdir()
    shutil.copy(ROOT / "evaluation/reserved.yaml", root / "evaluation")
    return root


@pytest.mark.prove
def test_the_commands_write_a_candidate_and_no_state(
    tmp_path: Path, repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """check says why; run writes engine, aggregates and the pull request's text; the cooldown holds the next one up."""
    for source, event in fleet(5, 300, 0.0):
        path = tmp_path / f"in/{source}.jsonl"
        path.parent.mkdir(exist_ok=True)
        with path.open("a") as file:
            file.write(json.dumps(event) + "\n")
    where = ["--store", str(tmp_path / "store"), "--root", str(repository), "--now", "2026-11-24T12:00:00Z"]
    assert run(cli, ["telemetry", "ingest", str(tmp_path / "in"), *where]) == 0
    assert run(cli, ["retrain", "check", *where]) == 0
    assert "decision: retrain" in capsys.readouterr().out
    body = tmp_path / "body.md"
    assert run(cli, ["retrain", "run", *where, "--write", "--body", str(body), "--output", "json"]) in (0, 1, 4)
    told = json.loads(capsys.readouterr().out)
    assert (repository / f"registry/engines/{told['version']}/engine.yaml").is_file()
    assert (repository / f"registry/telemetry/{told['version']}.json").is_file()
    assert not (repository / "registry/engines/state.yaml").exists()
    assert "new-runs/few" in body.read_text()
    later = [*where[:-1], "2026-11-25T12:00:00Z"]
    assert run(cli, ["retrain", "check", *later]) == 0
    assert "24.0 of 72 hours" in capsys.readouterr().out


def test_waiting_trains_nothing(tmp_path: Path, repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With too few runs `run` writes nothing and says what it waits for; an empty store is exit 3."""
    put(tmp_path / "few.jsonl", [complete(run_id(number)) for number in range(3)])
    where = ["--store", str(tmp_path / "store"), "--root", str(repository), "--now", "2026-11-24T12:00:00Z"]
    with open_store(tmp_path / "store", write=True):
        pass
    assert run(cli, ["retrain", "check", *where]) == 3
    assert run(cli, ["telemetry", "ingest", str(tmp_path / "few.jsonl"), *where]) == 0
    assert run(cli, ["retrain", "run", *where, "--write"]) == 0
    assert "nothing was trained" in capsys.readouterr().out
    assert not (repository / "registry/engines").exists()
