"""The page: a static site that answers from precomputed data, under generated/site/ (no server, no third party)."""

from __future__ import annotations

from tool.site.build import site_files
from tool.site.listed import Listed

__all__ = ["Listed", "site_files"]
