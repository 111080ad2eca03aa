"""The page: a static site that answers from precomputed data, under generated/site/ (no server, no third party)."""

from __future__ import annotations

from tool.site.build import site_files
from tool.site.exports import exports_made, exports_of
from tool.site.listed import Listed, Made
from tool.site.needs import keep_needs
from tool.site.texts import Shared

__all__ = ["Listed", "Made", "Shared", "exports_made", "exports_of", "keep_needs", "site_files"]
