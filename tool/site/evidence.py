"""The priors for the charts: what careful publishers choose, group by group."""

from __future__ import annotations

from typing import Any

from tool.schema.priors import Priors
from tool.site.chunk import chunk


def priors_file(priors: Priors | None) -> dict[str, bytes]:
    """`data/priors.js`: fields with quartiles as [group's number, value, median, low, high, n, repositories]."""
    fields: dict[str, list[list[Any]]] = {}
    groups = []
    for number, group in enumerate(priors.groups if priors else ()):
        groups.append([group.objective, group.adapter, group.size_bucket, group.task_type])
        for name, field in group.fields.items():
            if field.median is not None:
                row = [number, field.value, field.median, field.low, field.high, field.n, field.repositories]
                fields.setdefault(name, []).append(row)
    counts = {"recipes": priors.recipes, "repositories": priors.repositories} if priors else {}
    return chunk("priors", {"fields": fields, "groups": groups, **counts})
