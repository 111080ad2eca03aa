"""profiles/frameworks → the habits of the framework that a request names."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from tool.load.records import Records
from tool.schema.framework import Framework

DEFAULT = "huggingface"


@lru_cache(maxsize=8)
def frameworks(root: Path) -> tuple[Framework, ...]:
    """All profiles of a repository. Raises InputFaults when one is broken."""
    return tuple(Records(root, "profiles/frameworks", Framework, "framework"))


def _begins_a_word(match: str, text: str) -> bool:
    """Whether a match begins a word of the text: "hf" is meant in "hf-trainer", not in "torchforge"."""
    return re.search(rf"(?<![a-z0-9]){re.escape(match)}", text) is not None


@lru_cache(maxsize=1024)
def framework_of(root: Path, name: str | None) -> tuple[Framework, bool]:
    """The profile whose longest match begins a word of the name, and whether there was one (else the default)."""
    profiles = {profile.id: profile for profile in frameworks(root)}
    if name is None:
        return profiles[DEFAULT], False
    text = name.casefold()
    found = [
        (len(match), profile.id)
        for profile in profiles.values()
        for match in profile.matches
        if _begins_a_word(match, text)
    ]
    if not found:
        return profiles[DEFAULT], False
    return profiles[max(found)[1]], True
