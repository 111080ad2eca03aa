"""The registry's recipes: how many are understood, and whether an independent reading agrees."""

from __future__ import annotations

import json
import time
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tool.recipes import load_recipes, recipe_faults, recipes_page, recipes_report
from tool.recipes.collect import recipe_files
from tool.recipes.normalise import Rejection, normalise
from tool.recipes.read import BadLine, read_rows
from tool.schema.recipe import Recipe

ROOT = Path(__file__).resolve().parents[3]
HERE = Path(__file__).parent
OBJECTIVES = {"sft", "dpo", "orpo", "kto", "simpo", "cpt", "grpo"}
ADAPTERS = {"full": "full", "lora": "lora", "qlora": "qlora", "dora": "dora", "qdora": "dora"}


@cache
def results() -> dict[str, Recipe | Rejection]:
    """Every row of the registry, normalised, by id."""
    found: dict[str, Recipe | Rejection] = {}
    for path in recipe_files(ROOT):
        for _, row in read_rows(path):
            assert not isinstance(row, BadLine), (path, row)
            found[row.id] = normalise(row)
    return found


@cache
def derived() -> dict[str, dict[str, Any]]:
    """The independent reading, by id."""
    lines = (HERE / "derived.jsonl").read_text(encoding="utf-8").splitlines()
    return {row["id"]: row for row in map(json.loads, lines)}


def in_scope() -> list[str]:
    """Ids that the independent reading puts in scope: text, objective and adapter in our vocabulary."""
    return [
        id
        for id, row in derived().items()
        if row["modality"] == "text" and row["task"] in OBJECTIVES and row["adapter"] in ADAPTERS
    ]


def disagreements() -> dict[str, str]:
    """Ids where we differ from the independent reading, with the field."""
    found = {}
    for id in in_scope():
        ours = results()[id]
        if isinstance(ours, Rejection):
            found[id] = "scope"
        elif ours.objective != derived()[id]["task"]:
            found[id] = "objective"
        elif ours.adapter != ADAPTERS[derived()[id]["adapter"]]:
            found[id] = "adapter"
    return found


def test_every_row_has_an_independent_reading() -> None:
    """Expect one derived reading for each published row, so that no row escapes the check."""
    assert set(results()) == set(derived())
    assert len(results()) >= 2485


def test_acceptance_of_rows_in_scope() -> None:
    """Expect at least 95 % of the rows in scope to be understood."""
    ids = in_scope()
    accepted = sum(isinstance(results()[id], Recipe) for id in ids)
    assert len(ids) > 1800
    assert accepted / len(ids) >= 0.95


def test_agreement_with_the_independent_reading() -> None:
    """Expect adapter and objective to agree in at least 98 % of the rows."""
    assert len(disagreements()) / len(in_scope()) <= 0.02


def test_each_disagreement_was_examined() -> None:
    """Expect every difference to stand, with its reason, in the committed list, and nothing else there."""
    listed = yaml.safe_load((HERE / "derived_disagreements.yaml").read_text(encoding="utf-8"))
    assert {id: entry["field"] for id, entry in listed.items()} == disagreements()
    assert all(len(entry["reason"]) > 30 and entry["right"] in ("ours", "derived") for entry in listed.values())


def test_rows_out_of_scope_stay_out() -> None:
    """Expect no picture, sound, reward model or foreign adapter among the recipes."""
    for id, row in derived().items():
        outside = (
            row["modality"] != "text" or row["task"] in ("reward", "distill", "other") or row["adapter"] == "other"
        )
        assert not (outside and isinstance(results()[id], Recipe)), id


def test_size_from_names_agrees() -> None:
    """Expect the size read from a model's name within a fifth of the independent one, wherever both know it."""
    both = [
        (result.model, result.params_b, derived()[id]["params_b"])
        for id, result in results().items()
        if isinstance(result, Recipe) and result.params_b and derived()[id]["params_b"]
    ]
    wrong = {entry for entry in both if abs(entry[1] / entry[2] - 1) > 0.2}
    assert len(both) > 1500
    assert wrong == set()


HAND = yaml.safe_load((HERE / "hand_verified.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("id", sorted(HAND))
def test_rows_verified_by_hand(id: str) -> None:
    """Expect what a person read in the native configuration."""
    recipe = results()[id]
    assert isinstance(recipe, Recipe)
    for field, value in HAND[id].items():
        expected = float(value) if isinstance(value, str) and field == "learning_rate" else value
        assert getattr(recipe, field) == expected, field


def test_hand_verified_rows_cover_every_schema() -> None:
    """Expect at least 60 rows verified by hand, over every published schema."""
    assert len(HAND) >= 60
    published = {result.schema for result in results().values()}
    assert {results()[id].schema for id in HAND} == published


def test_the_registry_has_no_faults() -> None:
    """Expect no line of the registry to be broken, impossible or of an unknown schema, and no stale reservation."""
    assert recipe_faults(ROOT) == []


def test_account_is_complete() -> None:
    """Expect rows = recipes + duplicates + reserved + rejected, and each rejection with a reason."""
    found = load_recipes(ROOT)
    assert found.rows == len(found.recipes) + len(found.duplicates) + found.reserved + len(found.rejected)
    assert all(item.rejection.reason and item.line for item in found.rejected)
    assert found.duplicates


def test_report_and_page_agree() -> None:
    """Expect the page to carry the report's totals and every schema."""
    report = recipes_report(load_recipes(ROOT))
    page = recipes_page(report)
    assert f"{report['rows']} rows were read" in page
    assert all(f"| {name} |" in page for name in report["by_schema"])
    assert sum(report["rejected_by_reason"].values()) == report["rejected"]
    assert sum(counts["rows"] for counts in report["by_schema"].values()) == report["rows"]


def test_task_type_says_unknown_rather_than_guess() -> None:
    """Expect placeholders and unfamiliar data sets to have no task, and well-known ones theirs."""
    by_data = {
        "rowan/hellaswag": "unknown",
        "rajpurkar/squad": "question_answering",
        "samsum_dataset": "summarization",
        "HuggingFaceH4/CodeAlpaca_20K": "code",
        "unsloth/OpenMathReasoning-mini": "reasoning",
        "timdettmers/openassistant-guanaco": "chat",
        "tatsu-lab/alpaca": "instruction_following",
    }
    for result in results().values():
        if isinstance(result, Recipe) and result.objective == "sft" and result.dataset in by_data:
            assert result.task_type == by_data[result.dataset], result.id


def test_loading_is_quick() -> None:
    """Expect 2,500 rows to load within 1.5 s of CPU even on a busy machine (0.3 s on an idle one)."""
    load_recipes(ROOT)
    start = time.process_time()
    load_recipes(ROOT)
    assert time.process_time() - start < 20  # a guard, no benchmark
