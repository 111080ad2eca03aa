"""The evidence keeps its promise: mean at most 1 under every null, few false alarms, and it grows under harm."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tool.rollout import sequential

RATIOS, PRIOR, STAKES = (1.5, 2.0, 5.0), (1.0, 19.0), (0.1, 0.5, 0.9)
RATES = st.floats(0.0, 1.0)


def expected(kind: str, past: list[tuple[int, int]], size: int, canary: float, production: float) -> float:
    """The exact mean of one more block's factor after a past, under two rates."""
    total = 0.0
    for bad, others in itertools.product((0, 1), range(size + 1)):
        chance = (canary if bad else 1 - canary) * math.comb(size, others)
        chance *= production**others * (1 - production) ** (size - others)
        mine, theirs = np.array([*past, (bad, others)], dtype=float).T
        if kind == "worse":
            path = sequential.worse(mine, theirs, size, (2.0,), PRIOR)
        else:
            path = sequential.no_worse(mine, theirs, size, 0.1, PRIOR)
        total += chance * math.exp(path[-1] - (path[-2] if len(path) > 1 else 0.0))
    return total


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5), st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), max_size=4), RATES, RATES)
def test_a_block_gains_nothing_when_the_canary_is_no_worse(
    size: int, past: list[tuple[int, int]], first: float, second: float
) -> None:
    """Whatever came before and whatever the rates: under p_canary ≤ p_production the mean factor is at most 1."""
    assert expected("worse", past, size, min(first, second), max(first, second)) <= 1 + 1e-9


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5), st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), max_size=4), RATES, RATES)
def test_health_gains_nothing_when_the_canary_is_worse_by_the_margin(
    size: int, past: list[tuple[int, int]], first: float, second: float
) -> None:
    """Under p_canary ≥ p_production + margin the mean factor of the evidence for health is at most 1."""
    production = first * 0.9
    assert expected("no_worse", past, size, production + 0.1 + second * (0.9 - production), production) <= 1 + 1e-6


def test_evidence_grows_under_harm_and_under_health() -> None:
    """A tripled rate passes 1/α within 400 canary runs; an equal one passes the other way, and not this one."""
    random = np.random.default_rng(1)
    others = random.binomial(4, 0.05, 400).astype(float)
    bad, good = ((random.random(400) < rate).astype(float) for rate in (0.15, 0.05))
    assert sequential.worse(bad, others, 4, RATIOS, PRIOR).max() > math.log(80)
    assert sequential.worse(good, others, 4, RATIOS, PRIOR).max() < math.log(80)
    assert sequential.no_worse(good, others, 4, 0.05, PRIOR)[-1] > math.log(20)
    assert sequential.no_worse(bad, others, 4, 0.05, PRIOR)[-1] < 0


def test_the_past_is_not_touched_by_the_future() -> None:
    """The path up to a block does not depend on later blocks, so it may be looked at whenever one likes."""
    random = np.random.default_rng(2)
    mine, others = (random.random(50) < 0.2).astype(float), random.binomial(4, 0.1, 50).astype(float)
    whole = sequential.worse(mine, others, 4, RATIOS, PRIOR)
    assert np.allclose(whole[:20], sequential.worse(mine[:20], others[:20], 4, RATIOS, PRIOR))


def test_means_are_bet_on_fairly() -> None:
    """At the bound the mean factor is 1; ever crossing 1/α under the null is rarer than α; a shifted mean is found."""
    random = np.random.default_rng(3)
    null = (random.random((2000, 300)) < 0.5).astype(float)
    crossed = (sequential.mean_above(null, 0.0, 0.5, STAKES).max(axis=1) >= math.log(20)).mean()
    assert 0 < crossed <= 0.05
    assert sequential.mean_above(np.ones(20), 0.0, 0.5, STAKES)[-1] > math.log(20)
    assert sequential.mean_below(np.zeros(20), 1.0, 0.6, STAKES)[-1] > math.log(20)
    both = [sequential.mean_above(np.array([value]), 0.0, 0.5, STAKES)[0] for value in (0.0, 1.0)]
    assert np.mean(np.exp(both)) == pytest.approx(1.0)


def test_a_share_that_is_off_is_seen() -> None:
    """Routed 20 %: 20 % of 1,000 runs is no evidence, 10 % is much, and a canary with a share of nothing is absurd."""
    assert sequential.share_off(200, 1000, 0.2) < 0
    assert sequential.share_off(100, 1000, 0.2) > math.log(1000)
    assert sequential.share_off(1, 10, 0.0) == math.inf


def test_the_share_is_tested_by_a_mixture() -> None:
    """Over all outcomes of 12 runs the mean of the evidence under the routed share is 1."""
    total = 12
    mean = sum(
        math.comb(total, count)
        * 0.2**count
        * 0.8 ** (total - count)
        * math.exp(sequential.share_off(count, total, 0.2))
        for count in range(total + 1)
    )
    assert mean == pytest.approx(1.0)
