"""Root folder → `Repo`: typed records, loaded lazily one by one, or all at once with every fault named."""

from __future__ import annotations

from tool.load.records import Records
from tool.load.repo import Repo, find_root, load, open_repo

__all__ = ["Records", "Repo", "find_root", "load", "open_repo"]
