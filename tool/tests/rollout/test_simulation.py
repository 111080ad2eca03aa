"""The simulation behind evaluation/reports/canary.md, in small, and the whole of it where proofs are run."""

from __future__ import annotations

import xml.etree.ElementTree as Xml
from functools import lru_cache

import pytest

from evaluation import canary_simulation as simulation
from tool.policy.files import read_policies
from tool.policy.policies import load_policies
from tool.rollout.parameters import Parameters, read_parameters
from tool.tests.conftest import ROOT


@lru_cache(maxsize=1)
def parameters() -> Parameters:
    """The parameters of the repository's own rules."""
    return read_parameters(load_policies(read_policies(ROOT), ("rollout",)))


def test_peeking_costs_the_fixed_test_its_level_and_not_ours() -> None:
    """No harm, looked at daily: alarms within α, while the fixed-horizon test on the same streams errs far more."""
    found = simulation.simulate(simulation.World(0.2), 200, parameters())
    assert simulation.share(found.anytime) <= parameters().alpha
    assert simulation.share(found.fixed_daily) > 3 * parameters().alpha
    assert simulation.share(found.healthy) > 0.9


def test_a_doubled_rate_is_found_in_days_and_a_worse_loss_too() -> None:
    """A doubled OOM rate is found in 95 % of repetitions within two weeks; pairs lost at 65 % within four."""
    doubled = simulation.simulate(simulation.World(0.2, 0.05, 0.1), 200, parameters())
    assert simulation.share(doubled.anytime, 14) >= 0.95
    assert simulation.share(doubled.healthy) <= parameters().beta
    assert simulation.share(simulation.simulate(simulation.World(0.2, loss=0.65), 200, parameters()).anytime) >= 0.95


def test_the_same_seed_gives_the_same_days() -> None:
    """Two simulations of one seed agree; another seed differs."""
    world = simulation.World(0.05)
    first, again, other = (simulation.simulate(world, 50, parameters(), seed).fixed_daily for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


@pytest.mark.prove
def test_the_report_is_what_the_simulation_says() -> None:
    """The committed report and plots are those of 4,000 repetitions, and each false-abort rate is within α."""
    found = simulation.study(parameters(), 4_000)
    assert all(simulation.share(result.anytime) <= parameters().alpha for result in found["nulls"].values())
    written = {"canary.md": simulation.report(found, parameters()), **simulation.plots(found)}
    for name, text in written.items():
        assert (ROOT / simulation.FOLDER / name).read_text() == text
        assert name.endswith(".md") or Xml.fromstring(text).tag.endswith("svg")
