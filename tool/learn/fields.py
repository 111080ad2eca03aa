"""The fields that are predicted: the scale on which their errors are measured, and their published law."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from tool.learn.facts import Facts
from tool.priors import adapter_kind, law, objective_kind, value_of
from tool.schema.base import Adapter, Objective
from tool.schema.priors import PriorFieldName
from tool.schema.recipe import Recipe

# Tried values on the scale of the field: what a user would write down, so that answers are round.
_HALVES_AND_THIRDS = tuple(math.log10(base * 10.0**power) for power in range(-8, -1) for base in (1, 1.5, 2, 3, 5, 7))


@dataclass(frozen=True)
class Field:
    """One predicted field. `scale` maps native values to where errors are measured, `back` is its inverse.

    `radius` is the distance on that scale within which two choices count as the same (a factor of two);
    `lowest` and `highest` bound what can be.
    """

    name: PriorFieldName
    scale: Callable[[float], float]
    back: Callable[[float], float]
    radius: float
    lowest: float = -math.inf
    highest: float = math.inf
    only_adapters: bool = False
    uses_length: bool = True

    def applies(self, facts: Facts) -> bool:
        return facts.is_adapter or not self.only_adapters

    def law(self, facts: Facts) -> float:
        """The published value on the field's scale (tool.priors.laws names the sources)."""
        objective, adapter = cast(Objective, facts.objective), cast(Adapter, facts.adapter)
        return self.scale(float(law(self.name, objective_kind(objective), adapter_kind(adapter)).value))

    def read(self, recipe: Recipe) -> float | None:
        """The recipe's own choice in native units; None where its author made none."""
        value = value_of(recipe, self.name)
        if value is None or (value == 0 and self.name != "warmup_ratio"):
            return None
        return None if self.only_adapters and recipe.adapter == "full" else float(value)


def _ten(value: float) -> float:
    return float(10.0**value)


def _two(value: float) -> float:
    return float(2.0**value)


def _same(value: float) -> float:
    return value


FIELDS: dict[str, Field] = {
    field.name: field
    for field in (
        Field("learning_rate", math.log10, _ten, math.log10(2)),
        Field("effective_batch_size", math.log2, _two, 1.0),
        Field("lora_r", math.log2, _two, 1.0, only_adapters=True),
        Field("lora_alpha_ratio", math.log2, _two, 1.0, only_adapters=True),
        Field("num_train_epochs", math.log2, _two, 1.0),
        Field("warmup_ratio", _same, _same, 0.02, lowest=0.0, highest=1.0),
        Field("max_length", math.log2, _two, 1.0, uses_length=False),
    )
}


def rule_of_thumb(facts: Facts) -> float:
    """log10 of the learning rate by the rule of thumb: by objective, ten times higher with an adapter."""
    return FIELDS["learning_rate"].law(facts)


def round_rates() -> tuple[float, ...]:
    """log10 of the learning rates that people write down, from 1e-8 to 7e-2."""
    return _HALVES_AND_THIRDS
