"""How near the priors' learning rates come to those of repositories that they have not seen.

Leave one repository out: priors are computed from all others and asked for each of its choices, distinct by
(repository, objective, adapter, model, learning rate); scores are averaged over repositories with at least ten.
`python -m evaluation.priors_score` prints the table.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tool.priors import adapter_kind, compute_priors, law, lookup, objective_kind, value_of
from tool.recipes import Recipe, load_recipes
from tool.schema.priors import Priors

MIN_CHOICES = 10
Rate = Callable[[Recipe, Priors], float]


class Score(NamedTuple):
    """Share of choices within a factor of two, and mean absolute error in powers of ten."""

    within_two: float
    log10_error: float


def prior_rate(recipe: Recipe, priors: Priors) -> float:
    """The learning rate that the priors give for a recipe's kind."""
    task, objective, size, adapter = recipe.task_type, recipe.objective, recipe.size_bucket, recipe.adapter
    return float(lookup(priors, task, objective, size, adapter, "learning_rate").value)


def law_rate(recipe: Recipe, priors: Priors) -> float:
    """The rule of thumb: full 2e-5, LoRA and QLoRA 2e-4; preference 5e-7 and 5e-6; GRPO 1e-6 and 1e-5."""
    return float(law("learning_rate", objective_kind(recipe.objective), adapter_kind(recipe.adapter)).value)


def distinct(recipes: tuple[Recipe, ...]) -> dict[str, list[Recipe]]:
    """Choices of a learning rate by repository; repositories with fewer than MIN_CHOICES are left out."""
    seen: dict[tuple[object, ...], Recipe] = {}
    for recipe in recipes:
        rate = value_of(recipe, "learning_rate")
        if rate is not None:
            seen[recipe.source.repo, recipe.objective, recipe.adapter, recipe.model, rate] = recipe
    groups: dict[str, list[Recipe]] = {}
    for recipe in seen.values():
        groups.setdefault(recipe.source.repo, []).append(recipe)
    return {repo: chosen for repo, chosen in sorted(groups.items()) if len(chosen) >= MIN_CHOICES}


def leave_one_out(recipes: tuple[Recipe, ...], rates: dict[str, Rate]) -> dict[str, dict[str, Score]]:
    """Scores by repository and by way of answering."""
    scores: dict[str, dict[str, Score]] = {}
    for repository, chosen in distinct(recipes).items():
        priors = compute_priors(recipe for recipe in recipes if recipe.source.repo != repository)
        scores[repository] = {name: _score(chosen, priors, rate) for name, rate in rates.items()}
    return scores


def _score(chosen: list[Recipe], priors: Priors, rate: Rate) -> Score:
    errors = [abs(math.log10(rate(recipe, priors) / float(recipe.learning_rate or 1))) for recipe in chosen]
    near = sum(error <= math.log10(2) + 1e-9 for error in errors)
    return Score(near / len(errors), sum(errors) / len(errors))


def mean(scores: dict[str, dict[str, Score]], name: str) -> Score:
    """The average over repositories."""
    each = [by_name[name] for by_name in scores.values()]
    return Score(sum(s.within_two for s in each) / len(each), sum(s.log10_error for s in each) / len(each))


def main() -> None:
    """Print the scores of the registry's priors beside the rule of thumb."""
    rates: dict[str, Rate] = {"priors": prior_rate, "rule of thumb": law_rate}
    scores = leave_one_out(load_recipes(Path(__file__).resolve().parents[1]).recipes, rates)
    print("| repository | " + " | ".join(f"{name}: within 2×, log10 error" for name in rates) + " |")
    print("|---|" + "---|" * len(rates))
    for repository, by_name in scores.items():
        cells = [f"{score.within_two:.2f}, {score.log10_error:.2f}" for score in by_name.values()]
        print(f"| {repository} | {' | '.join(cells)} |")
    averages = [mean(scores, name) for name in rates]
    print("| mean | " + " | ".join(f"{score.within_two:.3f}, {score.log10_error:.3f}" for score in averages) + " |")


if __name__ == "__main__":
    main()
