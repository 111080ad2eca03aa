"""The world of the rehearsal is its own, its fleet writes valid events, and its findings can fail."""

from __future__ import annotations

import ast
import dataclasses
import json
import sys
import xml.etree.ElementTree as Xml
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from evaluation.rehearsal import fleet, report, truth
from evaluation.rehearsal.findings import findings
from evaluation.rehearsal.play import POISON_FROM, SLIP_WEEK, SPOILT_WEEKS, WEEKS, Played, Week
from evaluation.rehearsal.slip import slipped
from tool.learn.serve import open_engine
from tool.telemetry.chart import curves, pairs
from tool.telemetry.limits import read_limits
from tool.telemetry.validate import Accepted, Door
from tool.tests.conftest import ROOT
from tool.tests.workflows.conftest import live_of

JOB = truth.Job("Qwen/Qwen2.5-7B", "L4", "supervised", False, 2, 1024, True, 16, 2e-4)
START = datetime(2030, 6, 3, tzinfo=UTC)


def test_the_truth_imports_the_standard_library_alone() -> None:
    """Nothing of the project, and no package, decides what runs need."""
    tree = ast.parse(Path(truth.__file__).read_text())
    named = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    named += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    assert {str(name).partition(".")[0] for name in named} <= set(sys.stdlib_module_names)


def test_need_grows_with_what_is_asked() -> None:
    """More sequences, longer ones, larger models, unquantised weights and kept activations all need more."""

    def need(**changes: Any) -> float:
        return truth.need(dataclasses.replace(JOB, **changes), False)

    assert need(batch=4) > need() > need(quantised=True)
    assert need(length=2048) > need()
    assert need(model="meta-llama/Llama-3.1-8B") > need() > need(model="Qwen/Qwen2.5-0.5B")
    assert need(recomputes=False) > 1.5 * need()
    assert truth.need(JOB, True) == pytest.approx(need() * truth.SPOILT)


def test_rates_far_from_the_best_diverge() -> None:
    """Most runs bear the best rate, and few bear fifty times as much."""
    names = [f"run {number}" for number in range(200)]
    good = sum(truth.run(JOB, name).outcome == "success" for name in names)
    bad = sum(truth.run(dataclasses.replace(JOB, rate=1e-2), name).outcome == "diverged" for name in names)
    assert good > 190
    assert bad > 180


def answers(count: int) -> list[dict[str, Any]]:
    """What a recommender might say to a week's questions."""
    config = {
        "objective": "sft",
        "adapter": "lora",
        "quantization": "none",
        "per_device_train_batch_size": 2,
        "max_length": 1024,
        "gradient_checkpointing": True,
        "lora_r": 16,
        "learning_rate": 2e-4,
        "beta": None,
    }
    asked = fleet.questions(4, count)
    return [{"id": q["id"], "request": q, "config": config, "engine": "e", "slot": "production"} for q in asked]


def test_the_fleet_writes_events_that_the_door_accepts() -> None:
    """Honest and poisoned events alike are valid; the poisoner has its share and nobody else lies."""
    door = Door(read_limits(ROOT), datetime(2030, 7, 1, tzinfo=UTC))
    told = fleet.trained(answers(400), 8, START, spoilt=False, poisoned=True)
    assert all(isinstance(door.judge(json.dumps(item["event"]).encode()), Accepted) for item in told)
    lies = [item for item in told if item["account"] == fleet.POISONER]
    assert 0.2 < len(lies) / len(told) < 0.4
    assert len({item["account"] for item in told}) == fleet.TEAMS + 1
    honest = fleet.trained(answers(400), 8, START, spoilt=False, poisoned=False)
    assert all(item["account"] != fleet.POISONER for item in honest)
    assert fleet.archives(told) == fleet.archives(told)


def test_the_slip_is_where_it_is_said_to_be() -> None:
    """Rates of reinforcement with adapters rise; those of other kinds stay, and the digests fit."""
    live = live_of(ROOT)
    files = slipped(ROOT / "registry/engines" / live, "2030.06.slip")
    old = json.loads((ROOT / f"registry/engines/{live}/tables.json").read_text())
    new = json.loads(files["registry/engines/2030.06.slip/tables.json"])
    moved = {
        (after["group"], after["adapter"] != "full")
        for before, after in zip(old["neighbours"], new["neighbours"], strict=True)
        if before["values"].get("learning_rate") != after["values"].get("learning_rate")
    }
    assert moved == {("grpo", True)}


def test_the_engine_with_the_slip_opens(tmp_path: Path) -> None:
    """Its files are those of an engine: opened with every digest checked, it recommends a higher rate."""
    live = live_of(ROOT)
    for path, data in slipped(ROOT / "registry/engines" / live, "slip").items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    (before, after) = open_engine(ROOT, live), open_engine(tmp_path, "slip")
    assert before is not None and after is not None
    asked = {"objective": "grpo", "adapter": "lora", "task_type": "reinforcement", "params_b": 1.5}
    assert after.best_strategy(asked) == "hybrid"
    rate = after.values("hybrid", asked)["learning_rate"].value
    assert rate > 3 * before.values("hybrid", asked)["learning_rate"].value


def played() -> Played:
    """A rehearsal in which everything came out as it must."""
    weeks = []
    for number in range(1, WEEKS + 1):
        ooms = {1: 60, 2: 20, 3: 5}.get(number, 0) + {SPOILT_WEEKS[0]: 80, SPOILT_WEEKS[1]: 10}.get(number, 0)
        drift = number in SPOILT_WEEKS
        week = Week(
            number,
            runs=1000,
            ooms=ooms,
            by_card={card: (ooms // 2 if card in truth.MISJUDGED else 0, 200) for card in truth.CARDS},
            poisoned=430 if number >= POISON_FROM else 0,
            numbers={"memory_ratio": 1.2 if drift else 0.98},
            triggers=["memory-drift/accurate", "new-runs/few"] if drift else ["new-runs/few"],
            candidate=f"2030.06.{number}",
            verdict="pass",
            learned={"admitted": 0.0, "held": 0.0, "step": 1.0},
            cards={
                "A10G": {"need": 1.0, "usable_gib": truth.CARDS["A10G"].free},
                "RTX-4090": {"need": 1.21, "usable_gib": None},
            },
            failed={"production": 0.02},
        )
        if ooms:
            week.triggers.append("oom-rate/low")
        weeks.append(week)
    weeks[7].merged.append("Promote 2030.06.1 to production")
    weeks[SLIP_WEEK].merged.append("Abort the canary slip")
    weeks[SLIP_WEEK].failed["canary"] = 0.3
    history = "0002 abort slip\n0001 release 2030.06.1\n0000 genesis 2026.11.0\n"
    return Played(weeks, history, "slip", "pass", {})


def holding(told: Played) -> list[bool]:
    return [each.holds for each in findings(told)]


def test_findings_hold_when_all_is_well() -> None:
    """Each claim holds for a rehearsal that went as it must."""
    assert all(holding(played())), [each for each in findings(played()) if not each.holds]


SPOILERS: dict[str, Any] = {
    "no card is misjudged": lambda told: told.weeks[0].by_card.update({"A10G": (0, 200)}),
    "ooms rise": lambda told: setattr(told.weeks[2], "ooms", 300),
    "a card is not mended": lambda told: [week.cards.pop("A10G") for week in told.weeks[:4]],
    "the regression asks for nothing": lambda told: told.weeks[4].triggers.clear(),
    "the regression stays": lambda told: setattr(told.weeks[6], "ooms", 70),
    "nothing is released": lambda told: told.weeks[7].merged.clear(),
    "a bound falls": lambda told: told.weeks[9].cards.update({"RTX-4090": {"need": 1.1, "usable_gib": None}}),
    "a rate moves": lambda told: told.weeks[8].learned.update(step=1.4),
    "the gates see the slip": lambda told: setattr(told, "slip_verdict", "fail"),
    "the slip goes on": lambda told: told.weeks[SLIP_WEEK].merged.clear(),
    "the record is incomplete": lambda told: setattr(told, "history", "0000 genesis\n"),
}


@pytest.mark.parametrize("name", SPOILERS)
def test_each_finding_can_fail(name: str) -> None:
    """One thing that went wrong is found, and found once."""
    told = played()
    SPOILERS[name](told)
    assert holding(told).count(False) == 1, [each for each in findings(told) if not each.holds]


def test_the_page_tells_it_all() -> None:
    """The report names every finding and links plots that are well-formed and the same to the byte each time."""
    text, drawn = report.page(played(), findings(played())), report.plots(played())
    assert text.count("| ✓ |") == len(findings(played()))
    for name, svg in drawn.items():
        assert f"({name})" in text
        assert Xml.fromstring(svg).tag.endswith("svg")
        assert svg == report.plots(played())[name]


def test_charts_hold_odd_names() -> None:
    """Names with markup are text, and charts without points are still charts."""
    for svg in (
        curves({"<b>&": [(0.0, 1.0)], "x": []}, "<", "&", {0.5: "<i>"}),
        curves({}, "x", "y"),
        pairs([], "x", "y"),
    ):
        assert Xml.fromstring(svg).tag.endswith("svg")
