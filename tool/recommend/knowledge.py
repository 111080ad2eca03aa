"""Where knowledge comes from: computed afresh for `generate`, or read from generated/ when that is provably current."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from tool.load import Repo
from tool.priors import Priors, compute_priors, inputs_digest, read_priors
from tool.recommend.strategy import Knowledge

CACHED = "generated/priors.yaml"


def fresh_knowledge(repo: Repo) -> Knowledge:
    """Priors computed from registry/recipes now."""
    from tool.recipes import load_recipes

    return Knowledge(priors=compute_priors(load_recipes(repo)))


def current_knowledge(repo: Repo, engine: str | None = None, key: str | None = None) -> Knowledge:
    """generated/priors.yaml when its digest is that of the recipes on disk, else computed anew."""
    priors = _priors(repo.root)
    return Knowledge(priors=priors)


@lru_cache(maxsize=4)
def _priors(root: Path) -> Priors:
    from tool.recipes import load_recipes

    cached = read_priors(root / CACHED)
    if cached is not None and cached.inputs_digest == inputs_digest(root):
        return cached
    return compute_priors(load_recipes(Repo(root)))
