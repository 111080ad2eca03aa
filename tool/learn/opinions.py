"""Recipes → distinct opinions with weights: one value copied through a repository is one opinion, not three hundred."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tool.learn.facts import Facts, facts_of_recipe
from tool.learn.fields import FIELDS
from tool.schema.recipe import Recipe


@dataclass(frozen=True)
class Opinion:
    """One distinct choice of one repository. `values` are in native units, by field; absent = not said."""

    id: str
    repository: str
    link: str
    model: str | None
    facts: Facts
    values: dict[str, float]


def opinions(recipes: Iterable[Recipe]) -> list[Opinion]:
    """Distinct by (repository, objective, adapter, model, learning rate), as the bars count; sorted by id."""
    seen: dict[tuple[object, ...], Opinion] = {}
    for recipe in sorted(recipes, key=lambda recipe: recipe.id):
        repository = recipe.source.repo
        key = (repository, recipe.objective, recipe.adapter, recipe.model, recipe.learning_rate)
        values = {name: value for name, field in FIELDS.items() if (value := field.read(recipe)) is not None}
        if key not in seen and values and not recipe.is_trial:
            link = f"{repository}/{recipe.source.path}"
            seen[key] = Opinion(recipe.id, repository, link, recipe.model, facts_of_recipe(recipe), values)
    return sorted(seen.values(), key=lambda opinion: opinion.id)


def weights(items: Sequence[Opinion], field: str, exponent: float = 0.5) -> NDArray[np.float64]:
    """Weights that sum to one.

    A repository counts as (number of its distinct choices of objective, adapter and value) ** exponent, which its rows
    share equally: varied experience gets more than one vote, a value copied into three hundred files does not.
    Exponent 0 gives every repository one vote.
    """
    if not items:
        return np.zeros(0)
    rows = Counter(item.repository for item in items)
    choices = {(i.repository, i.facts.objective, i.facts.adapter, i.values.get(field)) for i in items}
    distinct = Counter(choice[0] for choice in choices)
    raw = [distinct[item.repository] ** exponent / rows[item.repository] for item in items]
    total = sum(raw)
    return np.array([weight / total for weight in raw])
