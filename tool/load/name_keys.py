"""Spellings that mean the same name: letter case, spaces, dashes and underscores do not count."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from tool.load.records import Records

MAX_NAME = 200
_IGNORED = re.compile(r"[^0-9a-z+@]+")


def name_key(name: str) -> str:
    """The letters and digits of a name, casefolded. `+` counts, since "Pro+" is not "Pro"."""
    return _IGNORED.sub("", name.casefold())


def is_id(records: Records[Any], name: str) -> bool:
    """Whether `name` is an id of these records as it stands. A text too long for a file name is none."""
    return len(name) <= MAX_NAME and name in records


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is spelled most like `name`, or None when none is close."""
    keys: dict[str, str] = {}
    for candidate in known:
        keys.setdefault(name_key(candidate), candidate)
    close = difflib.get_close_matches(name_key(name), list(keys), n=1, cutoff=0.6)
    return keys[close[0]] if close else None


def collisions(names: Mapping[str, Iterable[str]]) -> list[tuple[str, str, str]]:
    """Names that two owners claim: (owner, name, the owner that had it first). An owner may repeat itself."""
    first: dict[str, str] = {}
    found = []
    for owner in sorted(names):
        for name in names[owner]:
            holder = first.setdefault(name_key(name), owner)
            if holder != owner:
                found.append((owner, name, holder))
    return found
