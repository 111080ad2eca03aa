"""Newer pins within a stack's own ranges, and the stack's file with them. Only `update` asks a package index."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tool.deps import header, locked, normal, overrides, provided, until
from tool.deps.uv import compile_lock
from tool.errors import FtcError
from tool.schema.dependency import Stack


@dataclass(frozen=True)
class Updated:
    """A stack with newer pins, and its lock."""

    stack: Stack
    lock: str

    def moved_pins(self, before: Stack) -> dict[str, tuple[str, str]]:
        """Package → (version before, version after) of the pins that moved."""
        after = self.stack.pins
        return {name: (old, after[name]) for name, old in sorted(before.pins.items()) if after[name] != old}


def wanted(stack: Stack) -> str:
    """What an update may choose from, one requirement a line: the range of each pin, or the pin where it has none."""
    outside = provided(stack)
    names = [name for name in sorted(stack.pins) if name not in outside]
    return "".join(f"{name}{stack.ranges.get(name) or '==' + stack.pins[name]}\n" for name in names)


def update(stack: Stack, day: str | None = None) -> Updated:
    """The newest versions within the ranges, and their lock; only what was published before `day` (YYYY-MM-DD) counts.

    Wheels alone are read, so that no package's own code runs to tell what it needs.
    Raises FtcError when nothing satisfies the ranges, or when they need different versions on different Pythons.
    """
    found = compile_lock(wanted(stack), overrides(stack), "--no-build", *(until(day) if day else ()))
    if found.problem:
        raise FtcError(f"stack {stack.id}: nothing satisfies its ranges: {found.problem}")
    versions = locked(found.text)
    pins = dict(stack.pins)
    for name in stack.ranges:
        if name in provided(stack):
            continue
        held = versions.get(normal(name), ())
        if len(held) != 1:
            raise FtcError(f"stack {stack.id}: {name} needs {', '.join(held) or 'no version'}: narrow ranges.{name}")
        pins[name] = held[0]
    chosen = stack.model_copy(update={"pins": pins, "as_of": day or stack.as_of})
    return Updated(chosen, header(chosen) + found.text)


def rewritten(text: str, before: Stack, after: Stack) -> str:
    """The stack's file with other pins and another day, everything else as it stands.

    Raises FtcError when a pin or the day is not written in one line of its own.
    """
    day = re.compile(r"^as_of: .*$", re.MULTILINE)
    text, count = day.subn(f"as_of: '{after.as_of}'", text)
    if after.resolved != before.resolved:
        lines = [
            f"  - {{python: '{one.python}', date: '{one.date}', packages: {one.packages}}}\n" for one in after.resolved
        ]
        text = re.sub(r"^resolved:\n(?:[ \t]+.*\n)*", "resolved:\n" + "".join(lines), text, flags=re.MULTILINE)
    head, pins, rest = _pins_block(text, before.id)
    for name, version in after.pins.items():
        if version != before.pins[name]:
            line = re.compile(rf"^(\s+{re.escape(name)}:\s+).*$", re.MULTILINE)
            pins, changed = line.subn(rf"\g<1>{version}", pins)
            count = min(count, changed)
    if count != 1:
        raise FtcError(f"profiles/dependencies/{before.id}.yaml: write as_of and each pin in one line of its own")
    return head + pins + rest


def _pins_block(text: str, id: str) -> tuple[str, str, str]:
    found = re.search(r"^pins:\n((?:[ \t]+.*\n)+)", text, re.MULTILINE)
    if not found:
        raise FtcError(f"profiles/dependencies/{id}.yaml: write the pins as a block, one a line")
    return text[: found.start(1)], found[1], text[found.end(1) :]
