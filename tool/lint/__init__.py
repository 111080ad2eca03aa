"""Reading other frameworks' configurations, and which of their keys those frameworks know."""

from __future__ import annotations
