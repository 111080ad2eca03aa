"""Request → recommendation. A pure function of (repository, knowledge, request)."""

from __future__ import annotations

from tool.recommend.answer import recommend
from tool.recommend.strategy import Knowledge

__all__ = ["Knowledge", "recommend"]
