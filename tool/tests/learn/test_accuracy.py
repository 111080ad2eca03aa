"""Measured accuracy of adapters: what the words in an answer say of the rank is what the rows say."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from tool.learn.accuracy import QUESTIONS, Measured, gain, measured_loras
from tool.recipes import load_recipes
from tool.recommend.laws import RANK_MEASURED

ROOT = Path(__file__).resolve().parents[3]


def rows() -> dict[tuple[int, bool, int], Measured]:
    """By rank, rsLoRA and number of targets."""
    found = measured_loras(load_recipes(ROOT).recipes)
    return {(item.rank, item.rslora, len(item.targets)): item for item in found}


def test_the_words_on_the_rank_are_those_of_the_rows() -> None:
    """Accuracies and their error as they stand in registry/recipes."""
    known = rows()
    low, high = known[32, False, 2], known[64, False, 2]
    assert low.scale == high.scale == 2.0
    assert f"{low.accuracy:.1%}".replace("%", " %") + " of answers right at rank 32" in RANK_MEASURED
    assert f"{high.accuracy:.1%}".replace("%", " %") + " at 64" in RANK_MEASURED
    assert f"± {100 * low.error:.1f} each" in RANK_MEASURED
    assert f"± {100 * high.error:.1f} each" in RANK_MEASURED


def test_rank_bought_nothing_where_the_scale_stayed_and_something_where_it_grew() -> None:
    """Twice the rank at the same alpha / rank is within the error; four times the scale is beyond it."""
    known = rows()
    difference, error = gain(known[32, False, 2], known[64, False, 2])
    assert abs(difference) < error
    difference, error = gain(known[64, False, 2], known[64, True, 2])
    assert difference > 1.96 * error
    assert known[64, True, 2].scale == 4 * known[64, False, 2].scale


def test_an_accuracy_is_a_share_of_whole_questions() -> None:
    """The number of questions, from which the error follows, is the one behind the published shares."""
    for item in measured_loras(load_recipes(ROOT).recipes):
        assert math.isclose(item.accuracy * QUESTIONS, round(item.accuracy * QUESTIONS), abs_tol=1e-6)


def test_variants_of_the_initialisation_are_not_taken_for_lora() -> None:
    """A file that names a variant is left out, and so is a run without an accuracy."""
    recipes = [recipe for recipe in load_recipes(ROOT).recipes if recipe.test_accuracy is not None]
    known = {item.id for item in measured_loras(recipes)}
    assert not any("mica" in recipe.source.path for recipe in recipes if recipe.id in known)
    assert measured_loras([replace(recipe, test_accuracy=None) for recipe in recipes]) == []
