"""Repository → outputs. `plan` is pure; writing, checking and diffing are three readers of it."""

from __future__ import annotations

from tool.generate.plan import keep_share, plan
from tool.generate.write import Difference, compare, write

__all__ = ["Difference", "compare", "keep_share", "plan", "write"]
