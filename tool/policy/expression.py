"""One CEL expression: compiled against typed variables, evaluated to a value, to `missing`, or to an error."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_ERROR = re.compile(r"ERROR: <input>:\d+:\d+: (.*)")
_STRINGS = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"")
_MISSING = ("Key not found in map", "null_type", "key not found", "no such key")


@dataclass(frozen=True)
class Result:
    """`value` is set when `problem` is empty. `missing`: the problem is that data are not there."""

    value: Any = None
    problem: str = ""
    missing: bool = False


class ExpressionFault(ValueError):
    """An expression that does not compile, in the words of the type checker."""


def compile_expression(environment: Any, text: str, returns: str) -> Any:
    """Compile and check the type that it yields (`bool` or `string`). Raises ExpressionFault."""
    try:
        compiled = environment.compile(text)
    except (RuntimeError, ValueError) as error:
        found = _ERROR.findall(str(error))
        raise ExpressionFault("; ".join(dict.fromkeys(found)) or str(error).splitlines()[0]) from None
    kind = compiled.return_type().name()
    if returns not in kind.lower():
        raise ExpressionFault(f"yields {kind.lower()}, where {returns} is needed")
    return compiled


def references(text: str, names: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Field paths that an expression reads without asking first whether they are there.

    `has(x.y)` and comparisons with null are such questions; a path that is asked about anywhere is left out.
    """
    bare = _STRINGS.sub("''", text)
    pattern = re.compile(rf"(?<![\w.])({'|'.join(map(re.escape, names))})((?:\s*\.\s*[A-Za-z_]\w*)+)(\s*\()?")
    asked = re.compile(r"has\(\s*([\w.]+)\s*\)|([\w.]+)\s*[!=]=\s*null")
    guarded = {first or second for first, second in asked.findall(bare)}
    paths: dict[tuple[str, ...], None] = {}
    for name, rest, call in pattern.findall(bare):
        parts = [part.strip() for part in rest.split(".")[1:]]
        path = (name, *(parts[:-1] if call else parts))
        if len(path) > 1 and not any(".".join(path[:end]) in guarded for end in range(2, len(path) + 1)):
            paths[path] = None
    return tuple(paths)


def absent(path: tuple[str, ...], data: dict[str, Any]) -> bool:
    """Whether the value at a path is missing or null."""
    value: Any = data
    for part in path:
        if not isinstance(value, dict):
            return False
        value = value.get(part)
        if value is None:
            return True
    return False


def evaluate(compiled: Any, activation: dict[str, Any]) -> Result:
    """Evaluate. Errors come back as problems, whichever way CEL reports them; they are never false."""
    try:
        value = compiled.eval(data=activation)
        if value.type().name() == "ERROR":
            return _problem(str(value.value()))
        return Result(value.value())
    except (RuntimeError, ValueError, TypeError) as error:
        return _problem(str(error))


def _problem(text: str) -> Result:
    return Result(problem=text.splitlines()[0], missing=any(mark in text for mark in _MISSING))
