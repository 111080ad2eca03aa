"""What a change touches, sorted by what it may not be mixed with."""

from __future__ import annotations

from collections.abc import Iterable

from tool.govern.git import Changed
from tool.govern.store import ENGINES, EVENTS, STATE
from tool.policy.variables import Change

# What the program is installed from counts as the program.
TOOL_FILES = ("pyproject.toml", "requirements.lock", "Makefile")


def touches_state(path: str) -> bool:
    return path == STATE or path.startswith(f"{EVENTS}/")


def engine_of(path: str) -> str | None:
    """The version whose folder a path lies in."""
    parts = path.split("/")
    inside = path.startswith(f"{ENGINES}/") and len(parts) > 3 and not path.startswith(f"{EVENTS}/")
    return parts[2] if inside else None


def change_view(changed: Iterable[Changed], events: int, versions: Iterable[str]) -> Change:
    """A change as policies see it. The reports of the engines that it moves are its own; the rest is not."""
    paths = [each.path for each in changed]
    own = tuple(f"evaluation/reports/{version}/" for version in versions)
    return Change(
        events=events,
        policies=any(path.startswith("policies/") for path in paths),
        tool=any(path.startswith("tool/") or path in TOOL_FILES for path in paths),
        evaluation=any(path.startswith("evaluation/") and not path.startswith(own) for path in paths),
        workflows=any(path.startswith(".github/") for path in paths),
        paths=[],
    )
