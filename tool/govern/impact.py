"""Which recommendations a change moves, for whom and by how much: read from the outputs that are checked in.

`ftc generate --check` proves that they are what the tree gives, so nothing is computed again here.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from tool.errors import FtcError
from tool.generate.diff import FOLDER, base_recommendations, moved

CANARY_INDEX = "generated/canary/index.json"
MEMORY = ("upper_gib", "verdict")
"""Of a memory estimate: whether a run fits, and the bound that decides it."""
LABELS = frozenset({"engine", "slot", "confidence", "reasons", "warnings"})
"""What names or explains an answer differs between any two engines; a person's run differs by the rest."""


@dataclass(frozen=True)
class Moved:
    """One field of the recommendations: how many entries move it, and how far."""

    field: str
    entries: int
    told: str


@dataclass(frozen=True)
class Impact:
    """What a change means for the people who ask: `of` entries of the catalogue, of which `entries` move."""

    of: int
    entries: int
    fields: tuple[Moved, ...]
    examples: tuple[str, ...] = ()


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "none" if value is None else str(value)


def _told(pairs: list[list[Any]]) -> str:
    """How far a field moves: the median and the range of the ratios of numbers, else the commonest changes."""
    if all(_number(old) and _number(new) and old > 0 and new > 0 for old, new in pairs):
        ratios = sorted(new / old for old, new in pairs)
        if len(pairs) == 1:
            return f"{_shown(pairs[0][0])} → {_shown(pairs[0][1])} (×{ratios[0]:.3g})"
        if f"{ratios[0]:.3g}" == f"{ratios[-1]:.3g}":
            return f"×{ratios[0]:.3g}"
        return f"×{ratios[0]:.3g} to ×{ratios[-1]:.3g}, median ×{median(ratios):.3g}"
    counted = Counter(f"{_shown(old)} → {_shown(new)}" for old, new in pairs)
    common = sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:2]
    rest = len(counted) - len(common)
    return ", ".join(f"{change} ({count})" for change, count in common) + (f", and {rest} others" if rest else "")


def _fields(fields: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    """The fields that a person's run depends on; of a memory estimate only what decides."""
    found: dict[str, list[Any]] = {}
    for name, pair in fields.items():
        if name == "vram":
            old, new = ({key: (side or {}).get(key) for key in MEMORY} for side in pair)
            found |= {f"vram.{key}": [old[key], new[key]] for key in MEMORY if old[key] != new[key]}
        elif name not in LABELS and (not name.startswith("vram.") or name.removeprefix("vram.") in MEMORY):
            found[name] = pair
    return found


def summary(moves: Iterable[Mapping[str, Any]], of: int) -> Impact:
    """Moves as `[{entry, change, fields: {name: [old, new]}}]` → what a reviewer reads."""
    told = [(move["entry"], move["change"], fields) for move in moves if (fields := _fields(move["fields"]))]
    pairs: dict[str, list[list[Any]]] = {}
    for _, change, fields in told:
        if change == "changed":
            for name, pair in fields.items():
                pairs.setdefault(name, []).append(pair)
    moves_of = [Moved(name, len(found), _told(found)) for name, found in pairs.items()]
    whole = Counter(change for _, change, _ in told if change != "changed")
    moves_of += [Moved("(whole entry)", count, change) for change, count in sorted(whole.items())]
    moves_of.sort(key=lambda each: (-each.entries, each.field))
    return Impact(of, len(told), tuple(moves_of), tuple(entry for entry, _, _ in told[:3]))


def _tree_recommendations(root: Path) -> dict[str, dict[str, Any]]:
    """Answers as checked in now, by entry. Raises FtcError for a file that is none."""
    answers = {}
    for path in sorted((root / FOLDER).rglob("*.json")):
        try:
            answers[path.relative_to(root / FOLDER).as_posix()[:-5]] = json.loads(path.read_bytes())["answer"]
        except (ValueError, KeyError, TypeError, RecursionError):
            told = "is no recommendation (run `ftc generate`)"
            raise FtcError(f"{path.relative_to(root).as_posix()}: {told}") from None
    return answers


def production_impact(root: Path, base: str) -> Impact:
    """What everybody's recommendations do between a commit and the working tree."""
    before, after = base_recommendations(root, base), _tree_recommendations(root)
    return summary(moved(before, after), len(set(before) | set(after)))


def canary_impact(root: Path) -> Impact | None:
    """What the keys of the canary are told otherwise; None where nothing of a canary is checked in."""
    path = root / CANARY_INDEX
    if not path.is_file():
        return None
    try:
        rows = json.loads(path.read_bytes())["entries"]
        moves = [{"entry": row["entry"], "change": "changed", "fields": row["moves"]} for row in rows]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise FtcError(f"{CANARY_INDEX}: is no index of a canary (run `ftc generate`)") from None
    return summary(moves, len(list((root / FOLDER).rglob("*.json"))))
