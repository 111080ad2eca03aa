"""Which keys a framework knows, since and until which release: read from the lists in `keys/`."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tool.lint.names import other_names

FOLDER = Path(__file__).parent / "keys"
FRAMEWORKS = ("trl", "axolotl", "llamafactory", "torchtune", "unsloth", "oumi", "ms-swift")
TITLES = {"trl": "TRL", "axolotl": "Axolotl", "llamafactory": "LLaMA-Factory", "torchtune": "torchtune"}
TITLES |= {"unsloth": "Unsloth", "oumi": "Oumi", "ms-swift": "ms-swift"}
# Whose lists a file of the framework draws on, its own first.
SOURCES = {
    "trl": ("trl", "transformers", "alignment-handbook"),
    "axolotl": ("axolotl",),
    "llamafactory": ("llamafactory", "transformers"),
    "torchtune": ("torchtune",),
    "unsloth": ("unsloth", "trl", "transformers", "peft"),
    "oumi": ("oumi",),
    "ms-swift": ("ms-swift", "transformers", "trl"),
}
_INDEX = re.compile(r"\.\d+(?=\.|$)")
_LOADER = re.compile(r"^Fast\w*\.(from_pretrained|get_peft_model)$")
_ROLE = re.compile(r"^(train|rollout|teacher|ref|reward)\.")
"""Sections of ms-swift's files for several roles, each of which takes the keys of a whole file."""
TRAINER_CONFIGS = ("UnslothTrainingArguments", "TrainingArguments", "Seq2SeqTrainingArguments")


@dataclass(frozen=True)
class Entry:
    """One key in one package: what it takes, and the releases that know it (None: the oldest or newest listed)."""

    package: str
    kind: tuple[str, ...]
    since: str | None = None
    until: str | None = None

    @property
    def current(self) -> bool:
        """Whether the newest listed release knows it."""
        return self.until is None

    def known_in(self, version: str) -> bool:
        """Whether a release of this package knows it."""
        number = order(version)
        return (self.since is None or order(self.since) <= number) and (
            self.until is None or number <= order(self.until)
        )


Entries = tuple[Entry, ...]


def order(version: str) -> tuple[int, ...]:
    """Versions sort by their numbers."""
    return tuple(int(part) for part in re.findall(r"\d+", version))


@cache
def document(package: str) -> dict[str, Any]:
    """The committed list of one package."""
    loaded: dict[str, Any] = json.loads((FOLDER / f"{package}.json").read_text(encoding="utf-8"))
    return loaded


def newest(package: str) -> str:
    """The newest release that was listed."""
    return str(document(package)["versions"][-1])


@cache
def release_of(framework: str, package: str) -> str:
    """The newest listed release of a package that the framework's newest release installs beside itself."""
    cap = document(SOURCES[framework][0])["requires"].get(package)
    if cap is None:
        return newest(package)
    limit, inclusive = order(cap), cap.startswith("<=")
    allowed = [
        version for version in document(package)["versions"] if order(version) < ((*limit, 0) if inclusive else limit)
    ]
    return str(allowed[-1]) if allowed else newest(package)


@cache
def _table(name: str) -> dict[str, dict[str, Any]]:
    """A table written by hand: `renamed` or `unlisted`, by package."""
    loaded: dict[str, dict[str, Any]] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return loaded


def renamed(framework: str, key: str) -> str | None:
    """What took a key's place; None when nobody wrote it down."""
    tables = [_table("renamed").get(package, {}) for package in SOURCES[framework]]
    return next((str(table[key]) for table in tables if key in table), None)


@cache
def group(package: str, name: str) -> dict[str, Entry]:
    """The keys of one class, or of a whole file under the name `file`."""
    listed = document(package)["groups"].get(name, {})
    return {
        key: Entry(package, tuple(item["kind"].split("|")), item.get("since"), item.get("until"))
        for key, item in listed.items()
    }


@cache
def file_keys(framework: str) -> Mapping[str, Entries]:
    """Every key that a configuration file or a command line of the framework may hold."""
    merged: dict[str, list[Entry]] = {}
    for package in SOURCES[framework]:
        for name in document(package)["groups"]:
            if name.endswith("Trainer") or package == "peft" or name in ("arguments", "components"):
                continue
            for key, entry in group(package, name).items():
                merged.setdefault(key, []).append(entry)
    for key, item in _table("unlisted").get(framework, {}).items():
        merged.setdefault(key, []).append(Entry(SOURCES[framework][0], ("any",), None, item.get("until")))
    return {key: tuple(entries) for key, entries in merged.items()}


@cache
def call_keys(call: str) -> Mapping[str, Entries]:
    """Arguments of a call in Python; empty for calls that are not ours to judge."""
    last = call.rsplit(".", 1)[-1]
    loader = _LOADER.match(".".join(call.split(".")[-2:]))
    if loader:
        return {key: (entry,) for key, entry in group("unsloth", f"FastLanguageModel.{loader[1]}").items()}
    merged: dict[str, list[Entry]] = {}
    for package, name in _groups_of(last):
        for key, entry in group(package, name).items():
            merged.setdefault(key, []).append(entry)
    return {key: tuple(entries) for key, entries in merged.items()}


def _groups_of(name: str) -> Iterator[tuple[str, str]]:
    trl = document("trl")["groups"]
    for package in ("trl", "transformers", "peft"):
        if name in document(package)["groups"]:
            yield package, name
    stem = name.removesuffix("Config")
    if (stem != name and f"{stem}Trainer" in trl) or name in TRAINER_CONFIGS:
        yield "transformers", "TrainingArguments"
        yield "unsloth", "rewritten"
    if name == "UnslothTrainingArguments":
        yield "unsloth", name
        yield "trl", "SFTConfig"


def is_open_call(call: str) -> bool:
    """True for a loader, which hands on arguments that it does not name: only a near miss can be told there."""
    return bool(_LOADER.match(".".join(call.split(".")[-2:])))


def plain(key: str) -> str:
    """A key without the indices of lists: `datasets.0.path` → `datasets.path`."""
    return _INDEX.sub("", key)


def entries_of(framework: str, key: str) -> Entries | None:
    """What is known of a key of a file, its place in lists left out. None: unknown. Empty: below an open mapping."""
    name, known = plain(key), file_keys(framework)
    if framework == "ms-swift":
        name = _ROLE.sub("", name)
    if name in known:
        return known[name]
    if framework == "torchtune":
        return _component_argument(name.split("."))
    parts = name.split(".")
    parents = [".".join(parts[:size]) for size in range(len(parts) - 1, 0, -1)]
    parent = next((parent for parent in parents if parent in known), None)
    if parent is None:
        return None
    kinds = {kind for entry in known[parent] for kind in entry.kind}
    if not kinds & {"any", "dict", "list"}:
        return None
    return _below(known, parent)


def _below(known: Mapping[str, Entries], parent: str) -> Entries | None:
    """Keys below a mapping: any, where none is listed; any of older releases, where they were listed later only."""
    children = [entry for key, entries in known.items() if key.startswith(f"{parent}.") for entry in entries]
    if not children:
        return ()
    sinces = [order(entry.since) for entry in children if entry.since is not None]
    package = known[parent][0].package
    if len(sinces) < len(children):
        return None
    before = [version for version in document(package)["versions"] if order(version) < min(sinces)]
    opened = [entry for entry in known[parent] if entry.since is None or order(entry.since) < min(sinces)]
    return (Entry(package, ("any",), opened[0].since, before[-1]),) if opened and before else None


def _component_argument(parts: list[str]) -> Entries | None:
    """Arguments of torchtune's components, at any depth below a key of the recipe."""
    if len(parts) < 2:
        return None
    pool, parent = group("torchtune", "arguments"), ".".join(parts[:-1])
    if len(parts) > 2 and parts[-2] in pool and f"{parent}._component_" not in file_keys("torchtune"):
        return ()  # a mapping that is handed to a component, as column_map
    return (pool[parts[-1]],) if parts[-1] in pool else () if parts[-1] == "_component_" else None


@cache
def current_keys(framework: str) -> tuple[str, ...]:
    """The keys of a file that the newest releases know."""
    return tuple(key for key, entries in file_keys(framework).items() if any(entry.current for entry in entries))


def synonym(name: str, current: Iterable[str]) -> str | None:
    """What these keys call the thing that another framework calls so; the least nested of several."""
    listed = list(current)
    for other in other_names(name.rsplit(".", 1)[-1]):
        called = sorted((key.count("."), key) for key in listed if key.rsplit(".", 1)[-1] == other)
        if called:
            return called[0][1]
    return None


def suggestion(framework: str, key: str, known: Mapping[str, Entries]) -> str | None:
    """The current key that an unknown one is most likely a misspelling of."""
    name = plain(key)
    current = [other for other, entries in known.items() if any(entry.current for entry in entries)]
    if framework == "torchtune":
        current += [f"{name.rsplit('.', 1)[0]}.{other}" for other in group("torchtune", "arguments") if "." in name]
    called = synonym(name, current)
    if called:
        return called
    last = name.rsplit(".", 1)[-1]
    squeezed = {other.replace("_", "").replace("-", "").lower(): other for other in sorted(current, reverse=True)}
    same = squeezed.get(name.replace("_", "").replace("-", "").lower())
    if same:
        return same
    for near in difflib.get_close_matches(name, sorted(current), n=3, cutoff=0.8):
        if difflib.SequenceMatcher(None, last, near.rsplit(".", 1)[-1]).ratio() >= 0.75:
            return near
    ends = sorted(other for other in current if other.rsplit(".", 1)[-1] == last and other != name)
    return ends[0] if ends else None
