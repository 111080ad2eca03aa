"""What a check found: an id, what is wrong, how to mend it, and the exit code that it asks for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

VIOLATION, INCONCLUSIVE, BASE_MOVED = 1, 4, 5
MOST_NAMES = 4
"""Of missing data, before only what they belong to is named."""


@dataclass(frozen=True, order=True)
class Finding:
    """One reason why a change is blocked. `path` is relative to the root; empty where no file is at fault."""

    id: str
    message: str
    remedy: str
    path: str = ""
    exit_code: int = VIOLATION
    line: int = 0
    """Line of the file, from 1; 0 where the file as a whole is at fault."""

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


def condensed(findings: Iterable[Finding]) -> list[Finding]:
    """For a page: what one policy cannot decide for want of data is one finding, which names all that is missing."""
    kept: list[Finding] = []
    groups: dict[tuple[str, str], list[tuple[Finding, list[str]]]] = {}
    for finding in findings:
        lacks = re.search(r" \(([\w., ]+) missing\)$", finding.message)
        if lacks and finding.exit_code == INCONCLUSIVE:
            key = (finding.id.partition("/")[0], finding.path)
            groups.setdefault(key, []).append((finding, lacks[1].split(", ")))
        else:
            kept.append(finding)
    for (policy, _), members in groups.items():
        if len(members) == 1:
            kept.append(members[0][0])
            continue
        names = sorted({name for _, names in members for name in names})
        variables = {name.partition(".")[0] for name in names}
        missing = ", ".join(names if len(names) <= MOST_NAMES else sorted(variables))
        remedy = Counter(finding.remedy for finding, _ in members).most_common(1)[0][0]
        told = f"{len(members)} checks lack data: {missing}"
        kept.append(replace(members[0][0], id=policy, message=told, remedy=remedy))
    return sorted(kept)
