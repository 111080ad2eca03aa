"""Python scripts and notebooks, read as syntax trees and never executed."""

from __future__ import annotations

import ast
import json
import warnings
from typing import Any

from tool.errors import BadRequest
from tool.lint.read import Document
from tool.lint.read_streams import gathered


def notebook_document(name: str, text: str) -> Document:
    """The code cells of a notebook, one after the other. Lines are those of the file, as far as they are told apart."""
    try:
        cells = json.loads(text)["cells"]
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise BadRequest("file", f"{name} is not a notebook", "give a Jupyter notebook") from None
    lines = "\n".join(code).split("\n")
    found = python_document(name, "\n".join(_without_magic(line) for line in lines))
    places = _places(lines, text.split("\n"))
    found.lines = {key: places[line - 1] for key, line in found.lines.items()}
    found.assigned = {key: (places[line - 1], value) for key, (line, value) in found.assigned.items()}
    return found


def _places(code: list[str], file: list[str]) -> list[int]:
    """The line of the file in which each line of code stands, quoted as JSON quotes it; 0 where it is not found."""
    found, start = [], 0
    for line in code:
        quoted = json.dumps(line, ensure_ascii=False)[1:-1]
        place = next((at for at in range(start, len(file)) if quoted and quoted in file[at]), None)
        start = start if place is None else place
        found.append(0 if place is None else place + 1)
    return found


def _without_magic(line: str) -> str:
    """A command of IPython becomes an empty statement, so that the block around it stays whole."""
    indent = line[: len(line) - len(line.lstrip())]
    return f"{indent}pass" if line.lstrip().startswith(("%", "!")) else line


def python_document(name: str, text: str) -> Document:
    """Keyword arguments of every call, keyed `Class.argument`; names that hold a literal are looked up."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise BadRequest("file", f"{name} is not Python: {error}", "correct the syntax") from None
    names = _literals(tree)
    document = Document(calls=True, gathered=gathered(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            _call(node, names, document)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute):
            document.assigned[ast.unparse(node.targets[0])] = (node.lineno, ast.unparse(node.value)[:200])
    return document


def _literals(tree: ast.Module) -> dict[str, Any]:
    names: dict[str, Any] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            known, value = _literal(node.value, {})
            if known:
                names.setdefault(node.targets[0].id, value)
    return names


def _call(node: ast.Call, names: dict[str, Any], document: Document) -> None:
    call = ".".join(ast.unparse(node.func).split(".")[-2:])
    if not call.split(".")[0][:1].isupper():
        call = call.split(".")[-1]  # trl.SFTConfig and model.train: the module or the object does not matter
    if node.args and call.endswith(".from_pretrained"):
        known, value = _literal(node.args[0], names)
        document.config.setdefault(f"{call}.model_name", value if known else ast.unparse(node.args[0]))
        document.lines.setdefault(f"{call}.model_name", node.lineno)
    for keyword in node.keywords:
        key = f"{call}.{keyword.arg}" if keyword.arg else f"{call}.**"
        known, value = _literal(keyword.value, names)
        document.lines.setdefault(key, keyword.value.lineno)
        if keyword.arg is None:
            given = value if isinstance(value, dict) else {}
            document.config |= {f"{call}.{name}": item for name, item in given.items()}
            document.lines |= {f"{call}.{name}": keyword.value.lineno for name in given}
        elif known or call[:1].isupper():
            document.config.setdefault(key, value if known else f"${{{ast.unparse(keyword.value)[:80]}}}")


def _literal(node: ast.expr, names: dict[str, Any]) -> tuple[bool, Any]:
    if isinstance(node, ast.Name) and node.id in names:
        return True, names[node.id]
    try:
        return True, ast.literal_eval(node)
    except (ValueError, TypeError, RecursionError, SyntaxError, MemoryError):
        return False, None
