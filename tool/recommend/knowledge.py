"""Where knowledge comes from: the priors of the recipes and, where there is one, a trained engine."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from tool.load import Repo
from tool.priors import compute_priors, load_priors
from tool.recommend.strategy import Knowledge
from tool.schema.priors import Priors


def fresh_knowledge(repo: Repo) -> Knowledge:
    """Priors computed from registry/recipes now, whatever stands under generated/."""
    from tool.recipes import load_recipes, recipes_digest

    return Knowledge(priors=compute_priors(load_recipes(repo.root).recipes, recipes_digest(repo.root)))


def current_knowledge(repo: Repo, engine: str | None = None, key: str | None = None) -> Knowledge:
    """generated/priors.yaml when it belongs to the recipes on disk, else priors computed anew."""
    return Knowledge(priors=_priors(repo.root))


@lru_cache(maxsize=4)
def _priors(root: Path) -> Priors:
    return load_priors(root)
