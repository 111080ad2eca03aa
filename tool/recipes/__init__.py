"""Published configurations in two dozen native schemas → one canonical table of recipes."""

from __future__ import annotations

from tool.recipes.collect import RecipeSet, load_recipes, read_recipes, recipe_faults, recipes_digest
from tool.recipes.report import recipes_page, recipes_report
from tool.schema.recipe import Recipe, RecipeSource

__all__ = [
    "Recipe",
    "RecipeSet",
    "RecipeSource",
    "load_recipes",
    "read_recipes",
    "recipe_faults",
    "recipes_digest",
    "recipes_page",
    "recipes_report",
]
