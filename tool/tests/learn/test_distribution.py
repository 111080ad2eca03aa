"""Distributions, weights and folds."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tool.learn.distribution import Distribution, mixture, point
from tool.learn.facts import Facts
from tool.learn.folds import repository_folds
from tool.learn.opinions import weights
from tool.tests.learn.made import opinion

numbers = st.lists(st.floats(-5, 5), min_size=1, max_size=30)


@given(numbers, st.floats(-5, 5))
def test_crps_equals_the_integral_of_its_definition(values: list[float], truth: float) -> None:
    """The closed form is the integral of (F(x) - 1{x >= truth})² over x."""
    spread = Distribution.of(np.array(values), np.ones(len(values)))
    edges = np.sort(np.array([*values, truth]))
    total = 0.0
    for left, right in pairwise(edges):
        below = float(spread.weights[spread.values <= (left + right) / 2].sum())
        step = 1.0 if (left + right) / 2 >= truth else 0.0
        total += (below - step) ** 2 * (right - left)
    assert spread.crps(truth) == pytest.approx(total, abs=1e-9)


def test_crps_of_a_point_is_its_error() -> None:
    """A forecast without spread is scored by its absolute error."""
    assert point(-4.0).crps(-3.5) == pytest.approx(0.5)


def test_median_and_mass() -> None:
    """Weights count, not rows; the edge of the window belongs to it."""
    spread = Distribution.of(np.array([3.0, 1.0, 2.0]), np.array([1.0, 1.0, 8.0]))
    assert spread.median() == 2.0
    assert spread.mass(2.5, 0.5) == pytest.approx(0.9)


def test_a_mixture_keeps_the_shares() -> None:
    """A quarter of the weight stays a quarter."""
    mixed = mixture([(0.25, point(0.0)), (0.75, point(1.0))])
    assert mixed.mass(0.0, 0.1) == pytest.approx(0.25)


def test_a_copied_value_does_not_outvote_other_repositories() -> None:
    """One rate in 300 files weighs as much as one rate in three files of another repository."""
    facts = Facts("sft", "lora")
    shouting = [opinion("loud/repo", number, facts, 1e-5) for number in range(300)]
    quiet = [opinion("quiet/repo", number, facts, 2e-4) for number in range(3)]
    shares = weights(shouting + quiet, "learning_rate")
    assert shares[:300].sum() == pytest.approx(shares[300:].sum())


def test_varied_experience_counts_more_than_one_vote() -> None:
    """Four different choices weigh twice as much as one."""
    facts = Facts("sft", "lora")
    varied = [opinion("varied/repo", number, facts, 10.0**-number) for number in range(3, 7)]
    single = [opinion("single/repo", 0, facts, 2e-4)]
    shares = weights(varied + single, "learning_rate")
    assert shares[:4].sum() == pytest.approx(2 * shares[4])


@given(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=80))
def test_folds_never_part_a_repository(names: list[str]) -> None:
    """All rows of a repository are in one fold, and every row is in exactly one."""
    folds = repository_folds(names)
    assert sorted(place for fold in folds for place in fold) == list(range(len(names)))
    homes = {name: {number for number, fold in enumerate(folds) for p in fold if names[p] == name} for name in names}
    assert all(len(home) == 1 for home in homes.values())
