"""What makes two configurations, or two measured runs, the same in all but name."""

from __future__ import annotations

from tool.memory.measurements import Measurement
from tool.recipes import Recipe


def config_key(recipe: Recipe) -> tuple[object, ...]:
    """Two recipes with this key in common are copies of each other, wherever they were published.

    A recipe that names no model or no data set is nobody's copy.
    """
    if recipe.model is None or recipe.dataset is None:
        return ("recipe", recipe.id)
    return (
        recipe.model.casefold(),
        recipe.dataset.casefold(),
        recipe.objective,
        recipe.adapter,
        recipe.learning_rate,
        recipe.per_device_train_batch_size,
        recipe.gradient_accumulation_steps,
        recipe.max_length,
        recipe.lora_r,
        recipe.num_train_epochs,
        recipe.max_steps,
    )


def run_key(row: Measurement) -> tuple[object, ...]:
    """Two measured rows with this key in common report the same run."""
    request = row.request().model_dump(mode="json", exclude={"id"})
    return (tuple(sorted((key, str(value)) for key, value in request.items())), row.outcome, row.judged_gib)
