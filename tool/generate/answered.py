"""One entry of the catalogue with its answer."""

from __future__ import annotations

from dataclasses import dataclass

from tool.generate.entries import Entry
from tool.schema.recommendation import Recommendation


@dataclass(frozen=True)
class Answered:
    """One catalogue entry with its answer and its files.

    `digest` is the answer's own, whatever it was made from. `inputs`: what it was made from beside what all share;
    empty for an answer from memory.
    """

    entry: Entry
    recommendation: Recommendation
    files: dict[str, bytes]
    fits: bool
    hours: float | None
    digest: str
    inputs: tuple[str, ...] = ()
