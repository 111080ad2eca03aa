"""What a check found: an id, what is wrong, how to mend it, and the exit code that it asks for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

VIOLATION, INCONCLUSIVE, BASE_MOVED = 1, 4, 5


@dataclass(frozen=True, order=True)
class Finding:
    """One reason why a change is blocked. `path` is relative to the root; empty where no file is at fault."""

    id: str
    message: str
    remedy: str
    path: str = ""
    exit_code: int = VIOLATION

    def __str__(self) -> str:
        place = f" {self.path}:" if self.path else ""
        return f"[{self.id}]{place} {self.message} ({self.remedy})"

    def plain(self) -> dict[str, str | int]:
        """For JSON."""
        return {
            "id": self.id,
            "path": self.path,
            "message": self.message,
            "remedy": self.remedy,
            "exit_code": self.exit_code,
        }


def exit_code(findings: Iterable[Finding]) -> int:
    """0 without findings; a moved base (5) tells more than a violation (1), which tells more than doubt (4)."""
    codes = {finding.exit_code for finding in findings}
    return next((code for code in (BASE_MOVED, VIOLATION, INCONCLUSIVE) if code in codes), 0)
