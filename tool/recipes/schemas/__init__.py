"""One file per native schema. Each has `SCHEMA`, `MARKS` and `read`; a new schema is one more file, nothing else.

`SCHEMA` is the name in a row's `schema`. `MARKS` are groups of native keys: a row without a schema is read by the
file whose fullest group it has. `read(native, row)` returns a `Draft`, or raises `BadValue`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from typing import Any

from tool.recipes.draft import Draft, Row
from tool.recipes.native import Native

Reader = Callable[[Native, Row], Draft]


@cache
def names() -> tuple[str, ...]:
    """All schema names, sorted: the names of the files in this package."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))


@cache
def reader(schema: str) -> Reader | None:
    """The reader of one schema; None for a schema that nobody has written an adapter for."""
    if schema not in names():
        return None
    module = importlib.import_module(f"{__name__}.{schema}")
    read: Reader = module.read
    return read


@cache
def _marks() -> tuple[tuple[str, frozenset[str], int], ...]:
    """(schema, keys, weight): a fallback group weighs nothing beside any group of another schema."""
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names()]
    own = [(module.SCHEMA, frozenset(group), len(group)) for module in modules for group in module.MARKS]
    return (*own, *((m.SCHEMA, frozenset(group), 0) for m in modules for group in getattr(m, "FALLBACK", ())))


def detect(config: dict[str, Any]) -> str | None:
    """The schema whose marks the configuration bears: of the groups wholly present, the largest; None on a tie."""
    found: dict[str, int] = {}
    for schema, group, weight in _marks():
        if all(any(key == mark or key.startswith(f"{mark}.") for key in config) for mark in group):
            found[schema] = max(found.get(schema, 0), weight)
    if not found:
        return None
    best = max(found.values())
    winners = sorted(schema for schema, size in found.items() if size == best)
    return winners[0] if len(winners) == 1 else None
