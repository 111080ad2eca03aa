"""Findings on keys: unknown, of another release, and with a value that they do not take."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import Any

from tool.lint.finding import Finding, Level
from tool.lint.known import (
    SOURCES,
    TITLES,
    Entries,
    call_keys,
    current_keys,
    entries_of,
    file_keys,
    group,
    is_open_call,
    newest,
    order,
    plain,
    release_of,
    renamed,
    suggestion,
    synonym,
)
from tool.lint.names import other_names
from tool.lint.read import Document
from tool.lint.values import fault_of

# What the launcher is given, beside the framework's own keys, and what our own tables note beside a configuration.
LAUNCHER: tuple[str, ...] = ("accelerate.", "accelerate_config.", "torchrun.", "env.", "metadata.", "hf.")
LAUNCHER += ("deepspeed_config.", "deepspeed.", "python.", "--")
CLOSE_TO_TRAINER, CLOSE_TO_LOADER = 0.93, 0.85
"""How alike an argument must be to a known one to be called a misspelling where others are allowed: in a script with
arguments of its own, and in a call that hands on what it does not name."""
UNSLOTH_TAKES = ("max_seq_length", "tokenizer", "warmup_ratio")
"""Older names that Unsloth hands on under their new ones (unsloth/trainer.py, _backwards_compatible_trainer; it does
so for every argument of a trainer)."""
SCRIPT_MARKS = ("trl ", "trl/scripts/", "examples/scripts/", "alignment/", "scripts/run_")


def key_findings(framework: str, document: Document, version: str | None = None) -> Iterator[Finding]:
    """One finding at most for each key. `version`: the release of the framework to judge by (default: the newest)."""
    for key, value in sorted(document.config.items()):
        if key.lower().startswith(LAUNCHER) and not (framework == "oumi" and key.startswith("deepspeed.")):
            continue
        found = _judge(framework, document, key, value, version)
        if found is not None:
            yield found


def _judge(framework: str, document: Document, key: str, value: Any, version: str | None) -> Finding | None:
    line = document.lines.get(key, 0)
    if document.calls:
        call, _, argument = key.rpartition(".")
        known = call_keys(call)
        if not known:
            return None
        entries: Entries | None = known.get(argument)
        name, open_end = argument, is_open_call(call)
    else:
        known, entries, name, open_end = file_keys(framework), entries_of(framework, key), plain(key), False
    if entries is None:
        return _unknown(framework, document, key, name, line, suggestion(framework, name, known), open_end)
    if is_own_script(framework, document) and all(entry.package != "transformers" for entry in entries):
        return None
    pins = document.pins | ({SOURCES[framework][0]: version} if version else {})
    if framework == "unsloth" and (key.split(".")[-2].endswith("Trainer") or name in UNSLOTH_TAKES):
        return None
    gone = _of_another_release(framework, entries, name, pins)
    if gone is not None:
        level, message, mend = gone
        return Finding(line, key, "renamed-key", level, message, mend)
    if framework == "torchtune" and name.endswith("_component_") and isinstance(value, str):
        return _component(key, value, line)
    fault = fault_of(name, value, entries)
    return Finding(line, key, fault[0], "error", fault[1], fault[2]) if fault else None


def _component(key: str, value: str, line: int) -> Finding | None:
    """A misspelt component of torchtune. Its main branch has more than its releases, so another name alone is no
    fault, and one that differs in a number is another model.
    """
    package, _, last = value.rpartition(".")
    known = group("torchtune", "components")
    if not package.startswith("torchtune.") or last in known:
        return None
    for near in difflib.get_close_matches(last, known, n=3, cutoff=0.8):
        if re.findall(r"\d+", near) == re.findall(r"\d+", last):
            message = f"torchtune has no component {last}"
            return Finding(line, key, "unknown-choice", "error", message, f"did you mean {near}?")
    return None


def _unknown(
    framework: str, document: Document, key: str, name: str, line: int, near: str | None, open_end: bool
) -> Finding | None:
    if document.command is not None and _is_option(framework, name):
        return None
    own_script = is_own_script(framework, document)
    loose, least = open_end or own_script, CLOSE_TO_TRAINER if own_script else CLOSE_TO_LOADER
    close = near is not None and difflib.SequenceMatcher(None, name, near).ratio() >= least
    close = close or (open_end and near in other_names(name))
    if loose and not close:
        return None
    title, version = TITLES[framework], newest(SOURCES[framework][0])
    mend = f"did you mean {near}?" if near else "remove it, or put it where it belongs"
    level: Level = "note" if document.config[key] is None else "warning" if loose else "error"
    return Finding(line, key, "unknown-key", level, f"{title} {version} has no key {name}", mend)


def is_own_script(framework: str, document: Document) -> bool:
    """A command line that starts someone's own script on the Trainer: it may have arguments of its own."""
    if framework != "trl" or document.command is None:
        return False
    return not any(mark in document.command for mark in SCRIPT_MARKS)


def _is_option(framework: str, name: str) -> bool:
    """Spellings that argparse takes beside the full name: `no_…` of a flag, and the beginning of one key only."""
    known = file_keys(framework)
    if name.startswith("no_") and name[3:] in known:
        return True
    return len(name) > 3 and sum(key.startswith(name) for key in known) == 1


def _of_another_release(
    framework: str, entries: Entries, name: str, pins: dict[str, str]
) -> tuple[Level, str, str] | None:
    """(level, message, mend) for a key that the releases in question do not know.

    Those are the pinned ones, else the newest of the framework and what it installs beside itself.
    """
    if not entries:
        return None
    if any(entry.known_in(pins.get(entry.package) or release_of(framework, entry.package)) for entry in entries):
        return None
    last = max(entries, key=lambda entry: order(entry.until or "999999"))
    if last.package in pins:
        known = f"{last.since or 'its first listed release'} to {last.until or 'now'}"
        message = f"{last.package} {pins[last.package]} has no key {name}: it is known from {known}"
        return "error", message, renamed(framework, name) or ""
    if last.current:
        return None  # newer than what the framework installs: it may come with the next release
    now = renamed(framework, name) or _without_prefix(framework, name) or synonym(name, current_keys(framework))
    release = release_of(framework, last.package)
    message = f"{name} was last known in {last.package} {last.until}; {release} no longer takes it"
    return "warning", message, f"now: {now}" if now else "remove it"


def _without_prefix(framework: str, name: str) -> str | None:
    """`fsdp_config.fsdp_offload_params` → `fsdp_config.offload_params`, where that is a key."""
    parent, _, last = name.rpartition(".")
    shorter = f"{parent}.{last.partition('_')[2]}"
    return shorter if parent and shorter in file_keys(framework) else None
