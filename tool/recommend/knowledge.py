"""Where knowledge comes from: the priors of the recipes and, where one is live, a trained engine."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from tool.load import Repo
from tool.priors import compute_priors, load_priors
from tool.recommend.strategy import Engine, Knowledge
from tool.schema.priors import Priors

if TYPE_CHECKING:
    from tool.schema.state import State

STATE = "registry/engines/state.yaml"


def fresh_knowledge(repo: Repo, priors: Priors | None = None) -> Knowledge:
    """Priors computed from registry/recipes now, whatever stands under generated/, and the production engine.

    `priors`: where they were computed from these very recipes before.
    """
    version = production_version(repo.root)
    if priors is None:
        from tool.recipes import load_recipes, recipes_digest

        priors = compute_priors(load_recipes(repo.root).recipes, recipes_digest(repo.root))
    return Knowledge(priors, _engine(repo.root, version), "production" if version else None)


def current_knowledge(repo: Repo, version: str | None = None, slot: str | None = None) -> Knowledge:
    """Priors (those under generated/ when they belong to the recipes on disk) and the engine of a version.

    Without a version the production engine answers, and none where none is live. Raises FtcError for an engine that
    does not exist or was tampered with, and InputFaults for a state that cannot be read.
    """
    if version is None:
        version = production_version(repo.root)
        slot = "production" if version else None
    return Knowledge(_priors(repo.root), _engine(repo.root, version), slot)


def production_version(root: Path) -> str | None:
    """The version that registry/engines/state.yaml names production; None where there is no state."""
    state = read_state(root)
    return state.production if state else None


def read_state(root: Path) -> State | None:
    """What registry/engines/state.yaml says; None where no engine was ever live. Raises InputFaults.

    `tool.govern.live` asks for more: the file in its one byte form, and none missing beside events.
    """
    from tool.load.records import read_record
    from tool.schema.state import State

    there = (root / STATE).exists() or (root / STATE).is_symlink()
    return read_record(root, STATE, State) if there else None


@lru_cache(maxsize=4)
def _priors(root: Path) -> Priors:
    return load_priors(root)


@lru_cache(maxsize=4)
def _engine(root: Path, version: str | None) -> Engine | None:
    if version is None:
        return None
    from tool.recommend.served import open_served

    return open_served(root, version)
