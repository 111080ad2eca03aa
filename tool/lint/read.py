"""A configuration file → documents: keys joined by dots, with values and line numbers. Nothing is executed."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tool.errors import BadRequest
from tool.lint.finding import Finding

MAX_BYTES, MAX_NOTEBOOK_BYTES = 2 << 20, 32 << 20
"""Notebooks hold the pictures that they drew."""
SHELL = (".sh", ".bash", ".slurm")
SUFFIXES = ("", ".yaml", ".yml", ".json", ".py", ".ipynb", *SHELL)
_TRAINING = re.compile(r"learning_rate|base_model|model_name|finetuning_type|gradient_accumulation|_component_")
"""What hardly a file without a training configuration has, however broken it is."""
_PIN = re.compile(r"(?<![\w-])(trl|transformers|peft|axolotl|llamafactory|torchtune|oumi|ms-swift)==(\d[\w.]*)")
_STARTED = re.compile(r"^\s*#.*\b(trl (?:sft|dpo|kto|grpo|orpo|cpo|rloo|reward))\b", re.MULTILINE)
_IGNORE = re.compile(r"#\s*ftc-lint:\s*ignore(?:\[([\w\-, ]+)\])?")


class NotAConfiguration(BadRequest):
    """A file that no training framework reads, as a hook that sees every file of a repository meets them."""


@dataclass
class Document:
    """Flat keys with values, the line of each, and faults found while reading.

    `calls`: keys are `Class.argument` of calls in Python. `command`: the program that a command line starts.
    `assigned`: attributes set in Python, as text. `ignored`: line → rules that a comment there silences. `pins`:
    releases that a notebook or script installs itself (`trl==0.22.2`). `started_by`: a command that a comment names.
    `gathered`: what is streamed in Python is read into memory before it trains.
    """

    config: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    calls: bool = False
    command: str | None = None
    assigned: dict[str, tuple[int, str]] = field(default_factory=dict)
    ignored: dict[int, frozenset[str]] = field(default_factory=dict)
    pins: dict[str, str] = field(default_factory=dict)
    started_by: str | None = None
    gathered: bool = False


def read(path: Path) -> list[Document]:
    """The documents of a file: one, or one for each training command of a shell script.

    Raises BadRequest for a file that cannot be read as what its name says.
    """
    from tool.lint.read_python import notebook_document, python_document
    from tool.lint.read_shell import shell_documents

    most = MAX_NOTEBOOK_BYTES if path.suffix == ".ipynb" else MAX_BYTES
    if path.stat().st_size > most:
        raise BadRequest("file", f"{path.name} is larger than {most >> 20} MiB", "give a configuration file")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise BadRequest("file", f"{path.name} is not UTF-8", "save it as UTF-8") from None
    if path.suffix not in SUFFIXES:
        mend = f"give a file that ends in {', '.join(sorted(filter(None, SUFFIXES)))}"
        raise NotAConfiguration("file", f"{path.name} is not of a kind that is read", mend)
    if path.suffix == ".py":
        documents = [python_document(path.name, text)]
    elif path.suffix == ".ipynb":
        documents = [notebook_document(path.name, text)]
    elif path.suffix in SHELL:
        documents = shell_documents(path.name, text)
    else:
        documents = [_json(path.name, text) if path.suffix == ".json" else _yaml(path.name, text)]
    ignored, pins = _ignored(text), dict(_PIN.findall(text))
    started = _STARTED.search(text)
    for document in documents:
        document.ignored, document.pins = ignored, pins
        document.started_by = started[1] if started else None
    return documents


def _ignored(text: str) -> dict[int, frozenset[str]]:
    """Line → rules named in `# ftc-lint: ignore[rule, …]`; without names all rules, written `*`."""
    found = {}
    for number, line in enumerate(text.split("\n"), start=1):
        match = _IGNORE.search(line)
        if match:
            names = (match[1] or "*").split(",")
            found[number] = frozenset(name.strip() for name in names)
    return found


def _json(name: str, text: str) -> Document:
    """JSON is read as YAML, which marks lines, once it is known to be JSON."""
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRequest("file", f"{name} is not JSON: {error}", "correct the syntax") from None
    return _yaml(name, text.replace("\t", "  "))


def _yaml(name: str, text: str) -> Document:
    import yaml

    try:
        node = yaml.compose(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "cannot be read"
        kind = BadRequest if _TRAINING.search(text) else NotAConfiguration
        raise kind("file", f"{name} is not YAML{place}: {problem}", "correct the syntax") from None
    if not isinstance(node, yaml.MappingNode):
        raise NotAConfiguration("file", f"{name} holds no mapping of keys to values", "give a configuration file")
    document = Document()
    _walk(node, "", document, 0)
    return document


def _walk(node: Any, prefix: str, document: Document, depth: int) -> None:
    import yaml

    if depth > 20:
        raise BadRequest("file", f"{prefix[:60].rstrip('.')} is nested too deeply", "use at most 20 levels")
    seen: set[str] = set()
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            line = key_node.start_mark.line + 1
            raise NotAConfiguration("file", f"line {line} has a key that is no text", "write one word before the colon")
        name, line = f"{prefix}{key_node.value}", key_node.start_mark.line + 1
        if name in seen:
            message = f"{name} is given twice; the last one wins"
            document.findings.append(Finding(line, name, "duplicate-key", "error", message, "keep one"))
        seen.add(name)
        document.lines[name] = line
        if isinstance(value_node, yaml.MappingNode) and value_node.value:
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
        value = yaml.SafeLoader("").construct_object(node, deep=True)
    except (yaml.YAMLError, ValueError, TypeError):
        return str(getattr(node, "value", ""))
    plain = isinstance(value, bool | int | float | str | list | dict | None.__class__)
    return value if plain else str(getattr(node, "value", ""))
