"""One finding of the linter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning", "note"]


@dataclass(frozen=True, order=True)
class Finding:
    """What is wrong where. `line` counts from 1 (0: the file as a whole); notes inform and do not fail the check."""

    line: int
    key: str
    rule: str
    level: Level
    message: str
    mend: str = ""

    @property
    def text(self) -> str:
        """Message and mend in one line."""
        return self.message + (f" ({self.mend})" if self.mend else "")
