"""Which framework a document is written for."""

from __future__ import annotations

from tool.errors import BadRequest
from tool.lint.known import FRAMEWORKS, entries_of
from tool.lint.read import Document
from tool.recipes import schemas

OF_SCHEMA = {name.replace("-", "_"): name for name in FRAMEWORKS} | {"alignment_handbook": "trl"}
"""Schema of our recipe adapters → framework."""
_PROGRAMS = {"swift": "ms-swift", "megatron": "ms-swift", "trl": "trl", "llamafactory-cli": "llamafactory"}
_PROGRAMS |= {"axolotl": "axolotl", "tune": "torchtune", "oumi": "oumi"}
LEAST_SHARE = 0.5
"""A file belongs to the framework that knows most of its keys, if that is more than this share of them."""


def detect(document: Document, name: str) -> str:
    """Raises BadRequest for a file that no framework, or another than these, would read."""
    if document.calls:
        heads = {key.split(".", 1)[0] for key in document.config}
        return "unsloth" if any(head.startswith("Fast") and head.endswith("Model") for head in heads) else "trl"
    program = (document.command or "").split(" ", 1)[0]
    if program in _PROGRAMS:
        return _PROGRAMS[program]
    schema = schemas.detect(document.config)
    if schema in OF_SCHEMA and schema not in ("trl", "alignment_handbook"):
        return OF_SCHEMA[schema]
    voted = _most_known(document)
    if schema in OF_SCHEMA:
        return voted if voted is not None and voted not in ("ms-swift", "llamafactory") else OF_SCHEMA[schema]
    if schema is not None:
        mend = f"known here: {', '.join(FRAMEWORKS)}; or name one with --framework"
        raise BadRequest("file", f"{name} is a configuration of {schema}, which has no key list", mend)
    if voted is None:
        raise BadRequest("file", f"{name} is of no framework that is known", f"name one of {', '.join(FRAMEWORKS)}")
    return voted


def _most_known(document: Document) -> str | None:
    """The framework that knows the most keys; None on a tie or where none knows half of them."""
    counts = {
        framework: sum(entries_of(framework, key) is not None for key in document.config)
        for framework in FRAMEWORKS
        if framework != "unsloth"
    }
    best = max(counts.values(), default=0)
    winners = [framework for framework, count in counts.items() if count == best]
    if not document.config or best <= LEAST_SHARE * len(document.config):
        return None
    return "trl" if "trl" in winners else winners[0] if len(winners) == 1 else None
