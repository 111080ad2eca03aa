"""One entry of the catalogue with its answer."""

from __future__ import annotations

from dataclasses import dataclass

from tool.generate.entries import Entry
from tool.schema.recommendation import Recommendation
from tool.site import Made


@dataclass(frozen=True)
class Answered:
    """One catalogue entry with its answer and its files.

    `digest` is the answer's own, whatever it was made from. `inputs`: what it was made from beside what all share;
    empty for an answer from memory. `exports`: what the page offers of it to copy, where it was made with the answer.
    """

    entry: Entry
    recommendation: Recommendation
    files: dict[str, bytes]
    fits: bool
    hours: float | None
    digest: str
    inputs: tuple[str, ...] = ()
    exports: Made | None = None
