"""Dependency stacks → hashed locks. Reading locks is pure; only `resolve` asks a package index.

A lock is what the pins of a stack resolve to, with hashes, among what was published before the stack's own day
(`as_of`). What the platform's image provides (`from_image`), and a torch that comes from PyTorch's own index
(`torch_backend`), is left out: an override that holds on no Python drops it together with what only it needs.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from tool.deps.uv import OLDEST_PYTHON, compile_lock
from tool.errors import FtcError
from tool.schema.dependency import Clash, Stack

FOLDER = "profiles/dependencies/locks"
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
_LINE = re.compile(r"^([A-Za-z0-9._-]+)==[^\n]*", re.MULTILINE)
_DIGEST = re.compile(r"^# inputs: sha256:([0-9a-f]{64})$", re.MULTILINE)
_CONDITION = re.compile(r"^(>=|<=|==|<|>)?\s*(\d[\w.+-]*)$")


def lock_path(id: str) -> str:
    """Where the lock of a stack lives, relative to the root. Not `.yaml`: each of those is a stack."""
    return f"{FOLDER}/{id}.txt"


def provided(stack: Stack) -> dict[str, str]:
    """Packages and versions that the lock must not install."""
    outside = dict(stack.from_image)
    if stack.torch_backend and "torch" in stack.pins:
        outside["torch"] = stack.pins["torch"]
    return outside


def requirements(stack: Stack) -> str:
    """The pins to resolve, one a line."""
    outside = provided(stack)
    return "".join(f"{name}=={version}\n" for name, version in sorted(stack.pins.items()) if name not in outside)


def overrides(stack: Stack) -> str:
    """Requirements that hold on no Python, so that the resolver leaves these packages out."""
    return "".join(f'{name}; python_version < "0"\n' for name in sorted(provided(stack)))


def inputs_digest(stack: Stack) -> str:
    """sha256 over everything that the lock depends on: it tells a lock that no longer belongs to its pins."""
    text = "\n".join([stack.as_of, OLDEST_PYTHON, requirements(stack), overrides(stack)])
    return hashlib.sha256(text.encode()).hexdigest()


def header(stack: Stack) -> str:
    """What a person who opens the lock should know."""
    lines = [
        f"# Lock of the stack {stack.id}, made by `ftc deps lock --write`. Do not edit.",
        f"# What its pins resolve to among what was published before {stack.as_of}, "
        f"on Python {OLDEST_PYTHON} or newer.",
    ]
    outside = ", ".join(f"{name} {version}" for name, version in sorted(provided(stack).items()))
    if stack.torch_backend:
        lines.append(f"# Not in here: {outside}. Install it first, with --torch-backend {stack.torch_backend}.")
    elif outside:
        lines.append(f"# Not in here, since the platform's image provides it: {outside}.")
    return "\n".join([*lines, f"# inputs: sha256:{inputs_digest(stack)}", ""])


def resolve(stack: Stack) -> str:
    """The lock of a stack as of its own day, as text. Raises FtcError when uv is missing or the pins do not resolve."""
    found = compile_lock(requirements(stack), overrides(stack), *until(stack.as_of))
    if found.problem:
        raise FtcError(f"stack {stack.id} does not resolve: {found.problem}")
    return header(stack) + found.text


def until(day: str) -> tuple[str, ...]:
    """Options that hide what was published on `day` (YYYY-MM-DD) or later."""
    return ("--exclude-newer", f"{day}T00:00:00Z")


def locked(text: str) -> dict[str, tuple[str, ...]]:
    """Package → its versions in a lock (more than one where Pythons or systems differ)."""
    versions: dict[str, set[str]] = {}
    for name, version in _PINNED.findall(text):
        versions.setdefault(normal(name), set()).add(version)
    return {name: tuple(sorted(found)) for name, found in sorted(versions.items())}


def pinned(text: str) -> dict[str, str]:
    """Package → its requirement lines in a lock, with their conditions and without their hashes."""
    lines: dict[str, str] = {}
    for match in _LINE.finditer(text):
        name = normal(match[1])
        lines[name] = lines.get(name, "") + match[0].rstrip(" \\") + "\n"
    return dict(sorted(lines.items()))


def normal(name: str) -> str:
    """A package name in the form that indexes compare by."""
    return re.sub(r"[-_.]+", "-", name).lower()


def moved(before: str, after: str) -> dict[str, tuple[str, str]]:
    """Package → (versions before, versions after) for what differs; an empty text means absent."""
    old, new = locked(before), locked(after)
    return {
        name: (", ".join(old.get(name, ())), ", ".join(new.get(name, ())))
        for name in sorted(old | new)
        if old.get(name) != new.get(name)
    }


def lock_problems(root: Path, stack: Stack) -> list[str]:
    """What is wrong with the lock that is checked in, without asking any index."""
    path = root / lock_path(stack.id)
    if not path.is_file():
        return [f"{lock_path(stack.id)} is missing (run `ftc deps lock --stack {stack.id} --write`)"]
    text = path.read_text()
    digest = _DIGEST.search(text)
    problems = []
    if digest is None or digest[1] != inputs_digest(stack):
        problems.append(f"{lock_path(stack.id)} belongs to other pins (run `ftc deps lock --stack {stack.id} --write`)")
    versions = locked(text)
    outside = [f"{name} {stack.pins.get(name)}" for name in sorted(stack.ranges) if not inside(stack, name)]
    problems += [f"stack {stack.id} pins {found}, outside of its own range" for found in outside]
    for line in requirements(stack).split():
        name, version = line.split("==")
        if versions.get(normal(name)) != (version,):
            held = ", ".join(versions.get(normal(name), ())) or "nothing"
            problems.append(f"{lock_path(stack.id)} holds {held} for {name}, the stack pins {version}")
    return problems


def inside(stack: Stack, name: str) -> bool:
    """Whether a pin lies in the range that the stack states for it."""
    return name in stack.pins and all(satisfies(stack.pins[name], part) for part in stack.ranges[name].split(","))


def lock_digest(root: Path, stack: Stack) -> str | None:
    """sha256 of the lock that is checked in, for provenance; None where there is none."""
    path = root / lock_path(stack.id)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def applying_clashes(stack: Stack, text: str) -> list[Clash]:
    """The known clashes whose packages are all in the lock (or provided) in a version that they name.

    A condition on the card (`compute_capability`) counts as met: it depends on where the stack is used.
    """
    present = {**{normal(name): (version,) for name, version in provided(stack).items()}, **locked(text)}
    return [clash for clash in stack.clashes if all(_met(present, *part) for part in clash.packages.items())]


def _met(present: dict[str, tuple[str, ...]], name: str, condition: str) -> bool:
    if name == "compute_capability":
        return True
    return any(satisfies(version, condition) for version in present.get(normal(name), ()))


def satisfies(version: str, condition: str) -> bool:
    """Whether a version meets `*`, `1.2` or a comparison such as `>=1.2`. Local parts (`+cu128`) do not count.

    Raises FtcError for a condition in another form.
    """
    if condition == "*":
        return True
    match = _CONDITION.match(condition)
    if match is None:
        raise FtcError(f"cannot read the version condition {condition!r} (write *, 1.2, >=1.2, <=1.2, <1.2 or >1.2)")
    have, want = _numbers(version), _numbers(match[2])
    width = max(len(have), len(want))
    left, right = ((*parts, *(width - len(parts)) * [0]) for parts in (have, want))
    verdicts = {">=": left >= right, "<=": left <= right, ">": left > right, "<": left < right}
    return verdicts.get(match[1] or "==", left == right)


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version.split("+")[0])]
