"""Recommendation → notebook."""

from __future__ import annotations

from tool.render.context import NotebookContext
from tool.render.notebook import forget_texts, notebook, template_for

__all__ = ["NotebookContext", "forget_texts", "notebook", "template_for"]
