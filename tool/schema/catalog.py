"""The curated catalogue: which requests have their answers and notebooks checked in."""

from __future__ import annotations

from tool.schema.base import Adapter, Objective, Record


class CatalogGroup(Record):
    """A cross product of models, tasks, places and adapters. Entries that do not fit are listed, not rendered."""

    models: tuple[str, ...]
    tasks: tuple[str, ...]
    platforms: tuple[str, ...]
    adapters: tuple[Adapter, ...]
    objective: Objective | None = None


class Catalog(Record):
    """`platforms` in a group are written `platform/plan`, or `platform/plan/gpu` for another than the first card."""

    groups: tuple[CatalogGroup, ...]
