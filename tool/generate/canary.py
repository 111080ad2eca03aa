"""`generated/canary/`: while a canary runs, the outputs that its engine would change, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from tool.generate.answered import Answered
from tool.load import Repo
from tool.recommend import Knowledge
from tool.recommend.knowledge import STATE, current_knowledge

FOLDER = "generated/canary/"
LABELS = frozenset({"engine", "slot", "confidence", "reasons"})
"""What names or explains an answer. Two engines differ there always; a person's run differs by the rest."""


def canary_knowledge(repo: Repo, knowledge: Knowledge) -> Knowledge | None:
    """The production knowledge with the canary's engine in its place; None where no canary runs."""
    from tool.load.yaml_file import YamlFile
    from tool.schema.state import State

    if not (repo.root / STATE).exists():
        return None
    canary = State.model_validate(YamlFile.read(repo.root, STATE).data).canary
    if canary is None:
        return None
    return replace(knowledge, engine=current_knowledge(repo, canary.version).engine, slot="canary")


def canary_files(production: Iterable[Answered], canary: Iterable[Answered], version: str) -> dict[str, bytes]:
    """Files of the answers that the canary's engine changes, and an index of what moves and by how much."""
    files: dict[str, bytes] = {}
    rows: list[dict[str, Any]] = []
    for old, new in zip(production, canary, strict=True):
        moved = moves(old, new)
        if not moved:
            continue
        rows.append({"entry": old.entry.slug, "fits": [old.fits, new.fits], "moves": moved})
        if new.fits:
            files |= {FOLDER + path.removeprefix("generated/"): data for path, data in new.files.items()}
    document = {"engine": version, "count": len(rows), "entries": rows}
    text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return files | {f"{FOLDER}index.json": text.encode() + b"\n"}


def moves(old: Answered, new: Answered) -> dict[str, list[Any]]:
    """Field → [production's value, the canary's] for all that differs; the configuration's fields by name."""
    first, second = (item.recommendation.model_dump(mode="json", exclude=set(LABELS)) for item in (old, new))
    before, after = ({**side.pop("config"), **side} for side in (first, second))
    return {
        name: [before.get(name), after.get(name)]
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    }
