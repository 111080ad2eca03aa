"""Priors ↔ plain data for generated/priors.yaml, and the priors of a repository, cached there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tool.load.repo import Repo
from tool.priors.compute import compute_priors
from tool.schema.priors import PriorField, PriorGroup, Priors

_POINTLESS = re.compile(r"(?<=[\[ ])(\d+)e(?=-\d)")
PRIORS_PATH = "generated/priors.yaml"
COLUMNS = ("value", "median", "low", "high", "n", "repositories")


def priors_document(priors: Priors) -> dict[str, Any]:
    """Plain data, in the order to be written. A field is a list in the order of `columns`."""
    return {
        "digest": priors.digest,
        "recipes": priors.recipes,
        "repositories": priors.repositories,
        "columns": list(COLUMNS),
        "groups": [_group(group) for group in priors.groups],
    }


def _group(group: PriorGroup) -> dict[str, Any]:
    named: dict[str, Any] = {"objective": group.objective, "adapter": group.adapter}
    named |= {"size_bucket": group.size_bucket} if group.size_bucket else {}
    named |= {"task_type": group.task_type} if group.task_type else {}
    fields = {name: [getattr(field, column) for column in COLUMNS] for name, field in group.fields.items()}
    return {**named, "fields": fields}


def priors_from_document(document: dict[str, Any]) -> Priors:
    """The reverse of `priors_document`. Raises pydantic's ValidationError for anything else."""
    data = {key: value for key, value in document.items() if key != "columns"}
    columns = document.get("columns", COLUMNS)
    data["groups"] = [
        {
            **group,
            "fields": {
                name: PriorField(**dict(zip(columns, values, strict=True))) for name, values in group["fields"].items()
            },
        }
        for group in document.get("groups", ())
    ]
    return Priors.model_validate(data)


def priors_text(priors: Priors) -> str:
    """The bytes of generated/priors.yaml: YAML in flow style, one group a line, which is JSON as well.

    JSON because reading it costs a thirtieth of reading block YAML, and every answer of the recommender reads it.
    """
    document = priors_document(priors)
    groups = document.pop("groups")
    head = "".join(f"{json.dumps(key)}: {json.dumps(value)},\n" for key, value in document.items())
    body = ",\n".join(f"  {json.dumps(group)}" for group in groups)
    # YAML 1.1 wants a point in a number with an exponent, JSON allows one.
    return _POINTLESS.sub(r"\1.0e", "{" + head + f'"groups": [\n{body}\n]}}\n')


def load_priors(repo: Repo | Path) -> Priors:
    """The repository's priors: those under generated/ when they belong to these very recipes, else computed anew."""
    from tool.recipes import load_recipes, recipes_digest

    root = repo if isinstance(repo, Path) else repo.root
    digest = recipes_digest(root)
    cached = _cached(root / PRIORS_PATH, digest)
    return cached if cached is not None else compute_priors(load_recipes(root).recipes, digest)


def _cached(path: Path, digest: str) -> Priors | None:
    """The generated priors; None when they are missing, unreadable or of other recipes (`generate --check` says so)."""
    try:
        text = path.read_text(encoding="utf-8")
        start = text.index("{")
        document = json.loads(text[start:])
        return priors_from_document(document) if document.get("digest") == digest else None
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return None
