"""Recommendation → notebook."""

from __future__ import annotations

from tool.render.context import NotebookContext
from tool.render.notebook import notebook, template_for

__all__ = ["NotebookContext", "notebook", "template_for"]
