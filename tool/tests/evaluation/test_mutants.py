"""The gates bite: every sabotage is stopped by the gate named beside it, and nothing else is."""

from __future__ import annotations

import pytest

from evaluation.mutants.bench import Bench
from evaluation.mutants.catalogue import MUTANTS, Mutant, problem_of

QUICK = [mutant for mutant in MUTANTS if mutant.quick]
SLOW = [mutant for mutant in MUTANTS if not mutant.quick]


def test_the_honest_recommender_passes(bench: Bench) -> None:
    """Without sabotage every gate passes or does not apply: exit code 0."""
    verdict = bench.verdict()
    assert verdict.stopped_by == frozenset(), verdict.said
    assert verdict.exit_code == 0


def test_there_are_enough_mutants() -> None:
    """At least 25 mutants with different names, a third of them quick."""
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 25
    assert len(QUICK) >= len(MUTANTS) // 3


def test_every_gate_has_a_mutant(bench: Bench) -> None:
    """No gate is there for show: each policy of policies/gates stops at least one mutant."""
    named = {mutant.gate.split("/")[0] for mutant in MUTANTS}
    assert {policy.id for policy in bench.ground.policies.of("evaluation")} - named - INDIRECT == set()


INDIRECT = {"accuracy-no-regression", "outcome-regret"}
"""Their policy tests show them to bite; their mutants are stopped by harder gates as well."""


@pytest.mark.parametrize("mutant", QUICK, ids=lambda mutant: mutant.name)
def test_quick_mutant(bench: Bench, mutant: Mutant) -> None:
    """A representative third: stopped by the right gate with the right exit code."""
    assert problem_of(mutant, bench) == ""


@pytest.mark.prove
@pytest.mark.parametrize("mutant", SLOW, ids=lambda mutant: mutant.name)
def test_every_other_mutant(bench: Bench, mutant: Mutant) -> None:
    """All others likewise."""
    assert problem_of(mutant, bench) == ""
