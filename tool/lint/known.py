"""Which keys a framework knows: lists extracted from the packages, with version; and older names of them."""

from __future__ import annotations

import difflib
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from tool.lint.finding import Finding

FOLDER = Path(__file__).parent / "keys"
SCHEMAS = {
    "trl": "trl",
    "axolotl": "axolotl",
    "llamafactory": "llamafactory",
    "torchtune": "torchtune",
    "unsloth": "unsloth",
    "oumi": "oumi",
    "ms-swift": "ms_swift",
}
"""Framework → the schema of our recipe adapter."""
# What the launcher is given, beside the framework's own file.
LAUNCHER = ("accelerate.", "accelerate_config.", "torchrun.", "env.", "metadata.", "deepspeed_config.", "train.")
_INDEX = re.compile(r"\.\d+(?=\.|$)")


@cache
def document(framework: str) -> dict[str, Any]:
    """The committed list of one framework."""
    name = "trl" if framework == "unsloth" else framework
    loaded: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return loaded


@cache
def legacy(framework: str) -> dict[str, str]:
    """Keys of older versions → what became of them."""
    loaded: dict[str, dict[str, str]] = json.loads((FOLDER / "legacy.json").read_text(encoding="utf-8"))
    name = "trl" if framework == "unsloth" else framework
    return loaded["transformers"] | loaded.get(name, {})


@cache
def keys(framework: str) -> frozenset[str]:
    """All keys of the framework; of TRL those of all its configs, since one file feeds several."""
    data = document(framework)
    if "classes" in data:
        return frozenset(key for names in data["classes"].values() for key in names)
    return frozenset(data["keys"])


def unknown_keys(framework: str, config: dict[str, Any], lines: dict[str, int]) -> list[Finding]:
    """A finding for each key that the framework would ignore or refuse, and a note for each that was renamed."""
    found = []
    for key in sorted(config):
        if key.startswith(LAUNCHER):
            continue
        finding = _judge(framework, key, lines.get(key, 0))
        if finding is not None:
            found.append(finding)
    return found


def _judge(framework: str, key: str, line: int) -> Finding | None:
    plain = _INDEX.sub("", key)
    known = keys(framework)
    if "." in plain and framework in ("trl", "unsloth"):
        return _argument(framework, key, plain, line)
    if plain in known or _inside(framework, plain):
        return None
    old = legacy(framework)
    if plain in old or plain.split(".")[0] in old:
        now = old.get(plain, old.get(plain.split(".")[0], ""))
        version = document(framework)["version"]
        return Finding(line, key, "renamed-key", "note", f"{plain} is of an older version than {version}", now)
    return _unknown(framework, key, plain, line, sorted(known | set(document(framework).get("arguments", ()))))


def _inside(framework: str, plain: str) -> bool:
    """True below a key that takes any mapping, and for arguments of torchtune's components."""
    data, known = document(framework), keys(framework)
    parts = plain.split(".")
    parents = [".".join(parts[:size]) for size in range(1, len(parts))]
    if framework == "torchtune":
        return len(parts) > 1 and parts[-1] in data["arguments"]
    if any(parent in data.get("open", ()) for parent in parents):
        return True
    # A parent whose own keys are not listed is an open mapping; one whose keys are listed knows them all.
    closed = [parent for parent in parents if any(key.startswith(f"{parent}.") for key in known)]
    return any(parent in known for parent in parents) and not closed


def _argument(framework: str, key: str, plain: str, line: int) -> Finding | None:
    """Arguments of the configs that are built in Python; other calls are not ours to judge."""
    head, argument = plain.rsplit(".", 1)
    classes: dict[str, list[str]] = document(framework)["classes"]
    if head.split(".")[-1] not in classes:
        return None
    known = set(classes[head.split(".")[-1]]) | {"None"}
    if argument in known or argument in legacy(framework):
        return None
    return _unknown(framework, key, argument, line, sorted(known))


def _unknown(framework: str, key: str, plain: str, line: int, known: list[str]) -> Finding:
    version, package = document(framework)["version"], document(framework)["package"]
    near = difflib.get_close_matches(plain, known, n=1, cutoff=0.75)
    last = difflib.get_close_matches(plain.rsplit(".", 1)[-1], known, n=1, cutoff=0.75)
    mend = f"did you mean {(near or last)[0]}?" if near or last else "remove it, or put it where it belongs"
    return Finding(line, key, "unknown-key", "error", f"{package} {version} has no key {plain}", mend)
