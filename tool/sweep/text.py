"""Text that ships with Python itself, as (prompt, completion) pairs: the same wherever the Python version is."""

from __future__ import annotations

import ast
import hashlib
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path

Pair = tuple[str, str]
_MAX_CHARACTERS = 700  # longer functions would not fit a short sequence


def language_reference() -> list[Pair]:
    """The language reference in `pydoc_data.topics`, cut into paragraphs: continued pretraining, no prompt."""
    from pydoc_data import topics

    paragraphs = []
    for name in sorted(topics.topics):
        block = ""
        for part in topics.topics[name].split("\n\n"):
            block = f"{block}\n\n{part}" if block else part
            if len(block) >= 250:
                paragraphs.append(("", block))
                block = ""
    return paragraphs


def write_body() -> list[Pair]:
    """From signature and docstring to the function's body, over the standard library: code."""
    pairs = []
    for lines, node, doc in _functions():
        start, first = node.lineno - 1, node.body[1].lineno - 1
        head, body = "\n".join(lines[start:first]), "\n".join(lines[first : node.end_lineno])
        if len(doc) >= 20:
            pairs.append((head + "\n", body))
    return pairs


def write_docstring() -> list[Pair]:
    """From a function's code to the first sentence of its docstring, over the standard library: summarization."""
    pairs = []
    for lines, node, doc in _functions():
        signature = "\n".join(lines[node.lineno - 1 : node.body[0].lineno - 1])
        body = "\n".join(lines[node.body[1].lineno - 1 : node.end_lineno])
        first = " ".join(doc.split("\n\n")[0].split())
        if len(first) >= 25:
            pairs.append((f"{signature}\n{body}\n# In short:", f" {first}"))
    return pairs


BUILDERS: dict[str, Callable[[], list[Pair]]] = {
    "language_reference": language_reference,
    "write_body": write_body,
    "write_docstring": write_docstring,
}


def _functions() -> Iterator[tuple[list[str], ast.FunctionDef, str]]:
    """Every short documented function of the standard library with something behind its docstring."""
    root = Path(sysconfig.get_paths()["stdlib"])
    for path in sorted(root.glob("*.py")) + sorted(root.glob("[a-z]*/*.py")):
        if "site-packages" in path.parts or "test" in path.relative_to(root).parts[0]:
            continue
        source = path.read_text(encoding="utf-8", errors="replace")
        try:
            tree, lines = ast.parse(source), source.splitlines()
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and len(node.body) >= 2:
                doc = ast.get_docstring(node)
                length = sum(map(len, lines[node.lineno - 1 : node.end_lineno]))
                if doc and length <= _MAX_CHARACTERS and node.body[1].lineno > node.body[0].lineno:
                    yield lines, node, doc


def shuffled(pairs: list[Pair]) -> list[Pair]:
    """Distinct pairs in an order that depends on their content alone, so that no seed decides the split."""
    return sorted(set(pairs), key=lambda pair: hashlib.sha256("\x00".join(pair).encode()).hexdigest())


def digest(pairs: list[Pair]) -> str:
    """sha256 over the pairs, to say which text a row was measured on."""
    whole = hashlib.sha256()
    for pair in pairs:
        whole.update("\x00".join(pair).encode() + b"\x01")
    return whole.hexdigest()
