"""What the page is told of one entry of the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tool.schema.recommendation import Recommendation

Exports = dict[str, list[str]]
"""Texts by the name of the export, as lines and stretches of the templates."""
Made = tuple[Exports, set[str]]
"""Exports, and the records that were used for them."""


@dataclass(frozen=True)
class Listed:
    """One entry: its path below recommendations/ and notebooks/, its row of the index, its answer and its digest.

    `exports`: its exports, where they were made together with the answer.
    """

    slug: str
    row: dict[str, Any]
    answer: Recommendation
    digest: str
    exports: Made | None = None

    @property
    def fits(self) -> bool:
        return bool(self.row["fits"])

    @property
    def tail(self) -> str:
        """The slug without the model, which says task, objective, adapter and place."""
        return self.slug.removeprefix(f"{self.row['model']}/")
