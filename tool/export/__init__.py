"""Recommendation → a file that another framework's own parser takes, with a warning for all that it cannot hold."""

from __future__ import annotations

from tool.export.files import Export, data_of, export, names, plan_of

__all__ = ["Export", "data_of", "export", "names", "plan_of"]
