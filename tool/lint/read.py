"""A configuration file → its keys, joined by dots, with values and line numbers. YAML, JSON, or a Python script."""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tool.errors import BadRequest
from tool.lint.finding import Finding

MAX_BYTES = 2 << 20


@dataclass
class Document:
    """Flat keys with values, the line of each, and faults found while reading."""

    config: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def read(path: Path) -> Document:
    """Raises BadRequest for a file that cannot be read as what its name says."""
    if path.stat().st_size > MAX_BYTES:
        raise BadRequest("file", f"{path.name} is larger than {MAX_BYTES >> 20} MiB", "give a configuration file")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise BadRequest("file", f"{path.name} is not UTF-8", "save it as UTF-8") from None
    if path.suffix == ".py":
        return _python(path.name, text)
    if path.suffix == ".ipynb":
        return _python(path.name, _notebook(path.name, text))
    return _yaml(path.name, text)


def _yaml(name: str, text: str) -> Document:
    import yaml

    try:
        node = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "cannot be read"
        raise BadRequest("file", f"{name} is not YAML{place}: {problem}", "correct the syntax") from None
    if not isinstance(node, yaml.MappingNode):
        raise BadRequest("file", f"{name} holds no mapping of keys to values", "give a configuration file")
    document = Document()
    _walk(node, "", document, 0)
    return document


def _walk(node: Any, prefix: str, document: Document, depth: int) -> None:
    import yaml

    if depth > 20:
        raise BadRequest("file", f"{prefix.rstrip('.')} is nested too deeply", "use at most 20 levels")
    seen: set[str] = set()
    for key_node, value_node in node.value:
        name, line = f"{prefix}{key_node.value}", key_node.start_mark.line + 1
        if name in seen:
            document.findings.append(
                Finding(line, name, "duplicate-key", "error", f"{name} is given twice; the last one wins", "keep one")
            )
        seen.add(name)
        document.lines[name] = line
        if isinstance(value_node, yaml.MappingNode):
            _walk(value_node, f"{name}.", document, depth + 1)
        elif isinstance(value_node, yaml.SequenceNode) and any(
            isinstance(item, yaml.MappingNode) for item in value_node.value
        ):
            for index, item in enumerate(value_node.value):
                if isinstance(item, yaml.MappingNode):
                    _walk(item, f"{name}.{index}.", document, depth + 1)
        else:
            document.config[name] = _value(value_node)


def _value(node: Any) -> Any:
    import yaml

    try:
        return yaml.SafeLoader("").construct_object(node, deep=True)
    except (yaml.YAMLError, ValueError):
        return str(getattr(node, "value", ""))


def _notebook(name: str, text: str) -> str:
    try:
        cells = json.loads(text)["cells"]
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise BadRequest("file", f"{name} is not a notebook", "give a Jupyter notebook") from None
    lines = "\n".join(code).split("\n")
    return "\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in lines)


def _python(name: str, text: str) -> Document:
    """Keyword arguments of every call, keyed `Class.argument`; names that hold a literal are looked up."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise BadRequest("file", f"{name} is not Python: {error}", "correct the syntax") from None
    names: dict[str, Any] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            known, value = _literal(node.value, {})
            if known:
                names.setdefault(node.targets[0].id, value)
    document = Document()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            call = ast.unparse(node.func)
            for keyword in node.keywords:
                known, value = _literal(keyword.value, names)
                key = f"{call}.{keyword.arg}"
                document.lines.setdefault(key, keyword.value.lineno)
                if known and keyword.arg:
                    document.config.setdefault(key, value)
    return document


def _literal(node: ast.expr, names: dict[str, Any]) -> tuple[bool, Any]:
    if isinstance(node, ast.Name) and node.id in names:
        return True, names[node.id]
    try:
        return True, ast.literal_eval(node)
    except (ValueError, TypeError, RecursionError, SyntaxError, MemoryError):
        return False, None
