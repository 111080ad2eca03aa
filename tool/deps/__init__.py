"""Dependency stacks → hashed locks. Building commands and reading locks is pure; only `resolve` runs a program.

A lock is what the pins of a stack resolve to, with hashes, among what was published before the stack's own day
(`as_of`). What the platform's image provides (`from_image`), and a torch that comes from PyTorch's own index
(`torch_backend`), is left out: an override that holds on no Python drops it together with what only it needs.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tool.errors import FtcError
from tool.schema.dependency import Clash, Stack

FOLDER = "profiles/dependencies/locks"
OLDEST_PYTHON = "3.11"
TIMEOUT_SECONDS = 600
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
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


def lock_command(stack: Stack, uv: str, newest: bool = False) -> list[str]:
    """The resolver's command line, to run in a folder that holds requirements.in and overrides.txt.

    `newest` resolves against what the index holds today instead of on the stack's day.
    """
    command = [uv, "pip", "compile", "requirements.in", "--universal", "--python-version", OLDEST_PYTHON]
    command += ["--generate-hashes", "--no-annotate", "--no-header", "--quiet", "--no-config"]
    if overrides(stack):
        command += ["--override", "overrides.txt"]
    return command if newest else [*command, "--exclude-newer", f"{stack.as_of}T00:00:00Z"]


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


def resolve(stack: Stack, newest: bool = False) -> str:
    """The lock of a stack as text. Raises FtcError when uv is missing or the pins do not resolve."""
    uv = find_uv()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "requirements.in").write_text(requirements(stack))
        (Path(folder) / "overrides.txt").write_text(overrides(stack))
        environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
        command = lock_command(stack, uv, newest)
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                timeout=TIMEOUT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise FtcError(f"stack {stack.id}: no resolution within {TIMEOUT_SECONDS} s") from None
    if done.returncode:
        raise FtcError(f"stack {stack.id} does not resolve: {' '.join(done.stderr.split())[:600]}")
    return header(stack) + done.stdout


def find_uv() -> str:
    """The resolver, beside this Python or on the path. Raises FtcError when there is none."""
    beside = Path(sys.executable).parent / "uv"
    found = str(beside) if beside.is_file() else shutil.which("uv")
    if found is None:
        raise FtcError("uv is not installed (run `make setup`, which installs it)")
    return found


def locked(text: str) -> dict[str, tuple[str, ...]]:
    """Package → its versions in a lock (more than one where Pythons or systems differ)."""
    versions: dict[str, set[str]] = {}
    for name, version in _PINNED.findall(text):
        versions.setdefault(_normal(name), set()).add(version)
    return {name: tuple(sorted(found)) for name, found in sorted(versions.items())}


def _normal(name: str) -> str:
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
    for line in requirements(stack).split():
        name, version = line.split("==")
        if versions.get(_normal(name)) != (version,):
            held = ", ".join(versions.get(_normal(name), ())) or "nothing"
            problems.append(f"{lock_path(stack.id)} holds {held} for {name}, the stack pins {version}")
    return problems


def lock_digest(root: Path, stack: Stack) -> str | None:
    """sha256 of the lock that is checked in, for provenance; None where there is none."""
    path = root / lock_path(stack.id)
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def applying_clashes(stack: Stack, text: str) -> list[Clash]:
    """The known clashes whose packages are all in the lock (or provided) in a version that they name.

    A condition on the card (`compute_capability`) counts as met: it depends on where the stack is used.
    """
    present = {**{_normal(name): (version,) for name, version in provided(stack).items()}, **locked(text)}
    return [clash for clash in stack.clashes if all(_met(present, *part) for part in clash.packages.items())]


def _met(present: dict[str, tuple[str, ...]], name: str, condition: str) -> bool:
    if name == "compute_capability":
        return True
    return any(satisfies(version, condition) for version in present.get(_normal(name), ()))


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
