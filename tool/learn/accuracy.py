"""What publishers measured of adapters on one task: accuracy by rank and scaling, with the error of the counts."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from tool.schema.recipe import Recipe

_PLAIN = re.compile(r"(^|/)lora--[^/]*-rank\d+(-rslora|-target-\w+)?\.json$")  # no variant of its initialisation
QUESTIONS = 1319  # the test set of GSM8K, which the PEFT method comparison asks after training on MetaMathQA


@dataclass(frozen=True)
class Measured:
    """One LoRA run with its accuracy (0..1). `scale` is what multiplies the update: alpha / r, or alpha / sqrt(r)."""

    id: str
    model: str
    rank: int
    scale: float
    rslora: bool
    targets: tuple[str, ...]
    learning_rate: float
    accuracy: float

    @property
    def error(self) -> float:
        """Standard error of the share of questions answered."""
        return math.sqrt(self.accuracy * (1 - self.accuracy) / QUESTIONS)


def measured_loras(recipes: Iterable[Recipe]) -> list[Measured]:
    """Plain LoRA and rsLoRA runs of the PEFT method comparison, by targets, rank and scale."""
    found = []
    for recipe in recipes:
        if not (recipe.lora_r and recipe.lora_alpha and recipe.learning_rate and recipe.test_accuracy is not None):
            continue
        if _PLAIN.search(recipe.source.path):
            root = math.sqrt(recipe.lora_r) if recipe.use_rslora else recipe.lora_r
            targets = recipe.target_modules
            found.append(
                Measured(
                    recipe.id,
                    recipe.model or "",
                    recipe.lora_r,
                    recipe.lora_alpha / root,
                    bool(recipe.use_rslora),
                    tuple(sorted(targets)) if isinstance(targets, (list, tuple)) else (str(targets),),
                    recipe.learning_rate,
                    recipe.test_accuracy,
                )
            )
    return sorted(found, key=lambda item: (item.targets, item.rank, item.scale, item.id))


def gain(one: Measured, other: Measured) -> tuple[float, float]:
    """(accuracy of `other` less that of `one`, standard error of the difference)."""
    return other.accuracy - one.accuracy, math.hypot(one.error, other.error)
