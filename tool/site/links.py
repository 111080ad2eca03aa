"""Sources as text with links: what a reason rests on, one click away."""

from __future__ import annotations

import re

_LINK = re.compile(
    r"arXiv (?P<paper>\d{4}\.\d{4,5})"
    r"|(?P<file>(?:registry|profiles|policies|evaluation|tool)/[A-Za-z0-9_./-]*[A-Za-z0-9_])"
    r"|(?:^|(?<=[ (;]))(?P<code>[A-Za-z0-9][\w.-]*/[\w.-]*\w)(?=,|$)"
)
Piece = tuple[str, str]
"""(text, address): empty for plain text, `repo:PATH` for a file of this repository."""


def pieces(source: str) -> list[Piece]:
    """A source split into plain text and links: papers, files of this repository, code on GitHub."""
    found: list[Piece] = []
    place = 0
    for match in _LINK.finditer(source):
        if match.start() > place:
            found.append((source[place : match.start()], ""))
        found.append((match.group(), _address(match)))
        place = match.end()
    if place < len(source):
        found.append((source[place:], ""))
    return found


def _address(match: re.Match[str]) -> str:
    if match["paper"]:
        return f"https://arxiv.org/abs/{match['paper']}"
    if match["file"]:
        return f"repo:{match['file']}"
    return f"https://github.com/{match['code']}"
