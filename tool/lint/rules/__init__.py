"""The rules: each takes a view and yields findings. A new rule is a function here and a line in the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tool.lint.finding import Finding
from tool.lint.rules import adapters, data, objectives, precision, schedule, sharding
from tool.lint.view import View

Rule = Callable[[View], Iterator[Finding]]
STATIC: tuple[Rule, ...] = (
    *precision.RULES,
    *adapters.RULES,
    *schedule.RULES,
    *sharding.RULES,
    *objectives.RULES,
    *data.RULES,
)
"""Rules that need nothing but the file."""
