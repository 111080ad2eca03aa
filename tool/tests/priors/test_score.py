"""The priors against repositories that they have not seen."""

from __future__ import annotations

from pathlib import Path

from evaluation.priors_score import distinct, law_rate, leave_one_out, mean, prior_rate
from tool.recipes import load_recipes

ROOT = Path(__file__).resolve().parents[3]


def test_priors_beat_the_rule_of_thumb_on_unseen_repositories() -> None:
    """Expect more left-out choices within a factor of two, and a smaller error, than the rule of thumb."""
    recipes = load_recipes(ROOT).recipes
    assert len(distinct(recipes)) >= 8
    scores = leave_one_out(recipes, {"priors": prior_rate, "law": law_rate})
    priors, law = mean(scores, "priors"), mean(scores, "law")
    assert priors.within_two >= law.within_two + 0.01
    assert priors.log10_error <= law.log10_error
    assert priors.within_two >= 0.69
