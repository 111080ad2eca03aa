"""Which framework a document is written for."""

from __future__ import annotations

from tool.lint.known import FRAMEWORKS, call_keys, entries_of, is_open_call
from tool.lint.read import Document, NotAConfiguration
from tool.recipes import schemas

OF_SCHEMA = {name.replace("-", "_"): name for name in FRAMEWORKS} | {"alignment_handbook": "trl"}
"""Schema of our recipe adapters → framework."""
_PROGRAMS = {"swift": "ms-swift", "megatron": "ms-swift", "trl": "trl", "llamafactory-cli": "llamafactory"}
_PROGRAMS |= {"axolotl": "axolotl", "tune": "torchtune", "oumi": "oumi"}
LEAST_SHARE, LEAST_KNOWN = 0.5, 3
"""A file belongs to the framework that knows most of its keys, if that is more than this share and number of them."""


def detect(document: Document, name: str) -> str:
    """Raises NotAConfiguration for a file that no framework, or another than these, would read."""
    if document.calls:
        return _of_calls(document, name)
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
        raise NotAConfiguration("file", f"{name} is a configuration of {schema}, which has no key list", mend)
    if voted is None:
        mend = f"name one with --framework: {', '.join(FRAMEWORKS)}"
        raise NotAConfiguration("file", f"{name} is of no framework that is known", mend)
    return voted


def _of_calls(document: Document, name: str) -> str:
    """Unsloth where its models are loaded, else TRL where one of its configs, or the Trainer's, is built."""
    calls = {key.rpartition(".")[0] for key in document.config}
    if any(call.split(".")[0].startswith("Fast") and is_open_call(call) for call in calls):
        return "unsloth"
    if any(call_keys(call) for call in calls):
        return "trl"
    raise NotAConfiguration("file", f"{name} builds no trainer that is known", "give the script that trains")


def _most_known(document: Document) -> str | None:
    """The framework that knows the most keys; None on a tie or where none knows half of them."""
    counts = {
        framework: sum(entries_of(framework, key) is not None for key in document.config)
        for framework in FRAMEWORKS
        if framework != "unsloth"
    }
    best = max(counts.values(), default=0)
    winners = [framework for framework, count in counts.items() if count == best]
    if best < LEAST_KNOWN or best <= LEAST_SHARE * len(document.config):
        return None
    return "trl" if "trl" in winners else winners[0] if len(winners) == 1 else None
