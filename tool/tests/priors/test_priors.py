"""Priors: copied defaults count once, thin groups lean on wider ones, and every figure carries its evidence."""

from __future__ import annotations

import dataclasses
import json
import math
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tool.priors import (
    FIELDS,
    compute_priors,
    law,
    load_priors,
    lookup,
    priors_document,
    priors_from_document,
    priors_text,
)
from tool.priors.statistics import DECLINE, LAW_WEIGHT, Choice, consensus, quantile, shrunk_median, weigh
from tool.recipes import load_recipes, recipes_digest
from tool.schema.priors import Priors
from tool.schema.recipe import Recipe, RecipeSource

ROOT = Path(__file__).resolve().parents[3]


def recipe(number: int, repository: str, **fields: Any) -> Recipe:
    """A LoRA chat recipe of a 7B model, with other fields where told."""
    made = Recipe(
        id=f"r{number}",
        schema="canonical",
        source=RecipeSource(repository, "x.yaml"),
        model=f"org/model-{number}",
        registry_model=None,
        family="llama",
        params_b=7.0,
        size_bucket="medium",
        task_type="chat",
        objective="sft",
        adapter="lora",
        dataset=None,
    )
    return dataclasses.replace(made, **fields)


@cache
def real() -> Priors:
    """The priors of the registry."""
    return compute_priors(load_recipes(ROOT).recipes, recipes_digest(ROOT))


def rate(priors: Priors, **kind: Any) -> float:
    """The learning rate of LoRA chat on a 7B model, or of another kind."""
    asked = {"task_type": "chat", "objective": "sft", "size_bucket": "medium", "adapter": "lora", **kind}
    value = lookup(priors, **asked, field="learning_rate").value
    assert isinstance(value, float)
    return value


def test_copied_default_counts_once() -> None:
    """Expect one repository's 300 copies of 1e-5 to be outvoted by six repositories with one recipe each."""
    copies = [recipe(i, "big/copies", learning_rate=1e-5) for i in range(300)]
    voices = [recipe(1000 + i, f"small/{i}", learning_rate=3e-4) for i in range(6)]
    assert 1.5e-4 <= rate(compute_priors(copies + voices)) <= 6e-4


def test_more_copies_change_nothing() -> None:
    """Expect the same prior whether a default was copied 3 or 300 times."""
    voices = [recipe(1000 + i, f"small/{i}", learning_rate=1e-4) for i in range(3)]
    few = compute_priors(voices + [recipe(i, "big/copies", learning_rate=1e-5) for i in range(3)])
    many = compute_priors(voices + [recipe(i, "big/copies", learning_rate=1e-5) for i in range(300)])
    assert rate(few) == rate(many)


def test_no_recipes_gives_the_law() -> None:
    """Expect the published laws, with n = 0 and their source, where nobody published."""
    empty = compute_priors([])
    for objective, adapter, value in (
        ("sft", "full", 2e-5),
        ("sft", "qlora", 2e-4),
        ("dpo", "full", 5e-7),
        ("kto", "lora", 5e-6),
        ("grpo", "full", 1e-6),
        ("grpo", "dora", 1e-5),
    ):
        answer = lookup(empty, None, objective, "medium", adapter, "learning_rate")  # type: ignore[arg-type]
        assert (answer.value, answer.n, answer.group) == (value, 0, "law")
        assert "TRL" in answer.source


def test_one_voice_does_not_move_the_law() -> None:
    """Expect a single repository far from the law to be drawn back to it."""
    assert rate(compute_priors([recipe(1, "odd/one", learning_rate=1e-2)])) == pytest.approx(2e-4)


def test_many_voices_do_move_the_law() -> None:
    """Expect twenty independent repositories to overrule it."""
    many = [recipe(i, f"org/{i}", learning_rate=1e-5) for i in range(20)]
    assert rate(compute_priors(many)) == pytest.approx(1e-5)


def test_thin_group_takes_the_wider_groups_value() -> None:
    """Expect a bucket without two voices to be answered from its objective and adapter."""
    wide = [recipe(i, f"org/{i}", learning_rate=5e-5) for i in range(20)]
    answer = lookup(compute_priors(wide), "chat", "sft", "small", "lora", "learning_rate")
    assert (answer.value, answer.group, answer.repositories) == (5e-5, "sft/lora", 20)


def test_trial_runs_have_no_say() -> None:
    """Expect rows that their publisher keeps for debugging to be ignored."""
    trials = [recipe(i, f"org/{i}", learning_rate=1e-5, is_trial=True) for i in range(20)]
    assert lookup(compute_priors(trials), "chat", "sft", "medium", "lora", "learning_rate").group == "law"


def test_other_optimizers_scales_are_left_out() -> None:
    """Expect Muon's learning rates, ten times AdamW's, not to enter."""
    muon = [recipe(i, f"org/{i}", learning_rate=2e-2, optim="muon") for i in range(20)]
    assert rate(compute_priors(muon)) == 2e-4


def test_answers_enclose_their_value() -> None:
    """Expect low ≤ value ≤ high, n and repositories positive, for every kind of request on the real registry."""
    for objective, task in (("sft", "chat"), ("sft", "code"), ("dpo", "preference"), ("grpo", "reinforcement")):
        for bucket in ("small", "medium", "large"):
            for adapter in ("full", "lora", "qlora", "dora"):
                for field in FIELDS:
                    answer = lookup(real(), task, objective, bucket, adapter, field)  # type: ignore[arg-type]
                    if answer.low is not None and answer.high is not None:
                        assert answer.low <= float(answer.value) <= answer.high
                    assert (answer.n > 0) == (answer.repositories > 0) == (answer.group != "law")


def test_magnitudes_on_the_real_registry() -> None:
    """Expect what every practitioner knows: full below LoRA by about ten, preference and GRPO far below SFT."""
    for bucket in ("medium", "large"):
        full, lora = rate(real(), adapter="full", size_bucket=bucket), rate(real(), size_bucket=bucket)
        assert 4 <= lora / full <= 30
        assert 5e-6 <= full <= 4e-5
        assert 5e-5 <= lora <= 4e-4
        assert rate(real(), objective="dpo", task_type="preference", adapter="full", size_bucket=bucket) <= 2e-6
        grpo = rate(real(), objective="grpo", task_type="reinforcement", adapter="full", size_bucket=bucket)
        assert 3e-7 <= grpo <= 3e-6


def test_every_group_says_n_and_repositories() -> None:
    """Expect evidence beside each figure, quartiles in order, and narrow groups to have two voices."""
    for group in real().groups:
        for field in group.fields.values():
            assert field.n >= field.repositories >= (2 if group.size_bucket else 1)
            if field.low is not None and field.median is not None and field.high is not None:
                assert field.low <= field.median <= field.high
    assert {group.task_type for group in real().groups} >= {"chat", "code", "instruction_following", "preference"}


def test_document_round_trip() -> None:
    """Expect the document, its text as JSON and its text as YAML to give the same priors, in few bytes."""
    text = priors_text(real())
    assert priors_from_document(priors_document(real())) == real()
    assert priors_from_document(json.loads(text)) == real()
    assert priors_from_document(yaml.load(text, Loader=yaml.CSafeLoader)) == real()
    assert len(text) < 100_000


def test_four_significant_digits() -> None:
    """Expect every float of the document to have at most four significant digits."""
    for group in priors_document(real())["groups"]:
        for values in group["fields"].values():
            for value in values:
                assert not isinstance(value, float) or value == float(f"{value:.4g}")


def test_same_inputs_same_bytes() -> None:
    """Expect the order of recipes to leave no trace."""
    recipes = list(load_recipes(ROOT).recipes)
    assert priors_text(compute_priors(reversed(recipes), real().digest)) == priors_text(real())


def repository(tmp_path: Path) -> Path:
    """A miniature repository with two recipes, one of a repository that may be reserved."""
    (tmp_path / "registry/recipes").mkdir(parents=True)
    (tmp_path / "evaluation").mkdir()
    (tmp_path / "evaluation/reserved.yaml").write_text("recipes: {repositories: [kept/golden]}\n")
    rows = [
        {
            "id": f"r{i}",
            "schema": "canonical",
            "source": {"repo": repo, "path": "a.yaml"},
            "config": {"model": f"org/Model-{i}-7B", "objective": "sft", "adapter": "lora", "learning_rate": value},
        }
        for i, (repo, value) in enumerate([("free/one", 1e-4), ("kept/golden", 7e-4), ("free/two", 1e-4)])
    ]
    (tmp_path / "registry/recipes/x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def test_cache_is_used_only_for_these_recipes(tmp_path: Path) -> None:
    """Expect generated priors to be read when their digest fits, and computed anew when rows changed or they broke."""
    root = repository(tmp_path)
    priors = load_priors(root)
    marked = priors.model_copy(update={"recipes": 777})
    (root / "generated").mkdir()
    (root / "generated/priors.yaml").write_text(priors_text(marked))
    assert load_priors(root).recipes == 777
    with (root / "registry/recipes/x.jsonl").open("a") as file:
        file.write("\n")
    assert load_priors(root).recipes == 2
    (root / "generated/priors.yaml").write_text("{broken")
    assert load_priors(root).recipes == 2


@given(
    st.lists(st.tuples(st.floats(1e-7, 1e-1), st.floats(0.01, 10)), min_size=1, max_size=20),
    st.floats(1e-7, 1e-1),
)
def test_consensus_is_near_a_choice(pairs: list[tuple[float, float]], parent: float) -> None:
    """Expect the consensus within a factor of two of some choice or of the parent, and the parent to win when alone."""
    values, weights = [value for value, _ in pairs], [weight for _, weight in pairs]
    value = consensus(values, weights, parent)
    assert min(abs(math.log10(value / other)) for other in [*values, parent]) <= math.log10(2) + 1e-6
    if sum(weights) < LAW_WEIGHT * (1 - DECLINE):
        assert abs(math.log10(value / parent)) <= math.log10(2) + 1e-6


def test_weights_of_choices() -> None:
    """Expect a repository with k different values to weigh √k, shared by the root of the number of models."""
    seen = weigh([Choice("a", "m1", 1.0), Choice("a", "m2", 1.0), Choice("b", "m1", 2.0), Choice("b", "m1", 3.0)])
    assert seen.values == (1.0, 2.0, 3.0)
    assert seen.weights == pytest.approx((1.0, math.sqrt(2) / 2, math.sqrt(2) / 2))
    assert (seen.n, seen.repositories) == (4, 2)


def test_quantiles_and_shrunk_median() -> None:
    """Expect weighted quartiles, and a median that the parent holds back."""
    assert [quantile([1.0, 2.0, 3.0], [1.0, 1.0, 2.0], share) for share in (0.25, 0.5, 0.75)] == [1.0, 2.0, 3.0]
    assert shrunk_median([0.1], [1.0], 0.03) == 0.03
    assert shrunk_median([0.1], [9.0], 0.03) == 0.1


def test_laws_cover_every_field() -> None:
    """Expect a value and a source for each field of every kind of request."""
    for field in FIELDS:
        for objective in ("sft", "cpt", "preference", "grpo"):
            for adapter in ("full", "lora", "qlora"):
                assert law(field, objective, adapter).source  # type: ignore[arg-type]
