"""One YAML file → plain data, with the line of every field, and every fault of form found on the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tool.errors import Fault

MAX_BYTES = 1 << 20
MAX_DEPTH = 40
_TWICE = "is given twice"


class _Loader(yaml.CSafeLoader):
    """CSafeLoader that reads numbers as YAML 1.2 does (`2e-5`; `1:30` and `010` are text) and leaves dates as text."""


_TAG = "tag:yaml.org,2002:"
_REPLACED = {_TAG + "timestamp", _TAG + "int", _TAG + "float"}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _REPLACED]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
_FLOAT = (
    r"^(?:[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[0-9][0-9_]*[eE][-+]?[0-9]+|\.[0-9]+(?:[eE][-+]?[0-9]+)?"
    r"|\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN))$"
)
_INT = r"^[-+]?(?:0|[1-9][0-9_]*|0x[0-9a-fA-F]+)$"
_PLAIN_TAGS = {_TAG + kind for kind in ("str", "int", "float", "bool", "null", "seq", "map")}
# What PyYAML raises for a value that does not suit its tag, such as `!!bool maybe` or `!!int ""`, or for 5,000 digits.
_UNSUITABLE = (yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError)


def _install_number_resolvers() -> None:
    import re

    for kind, pattern in (("float", _FLOAT), ("int", _INT)):
        _Loader.add_implicit_resolver(_TAG + kind, re.compile(pattern), list("-+0123456789."))


_install_number_resolvers()
_SCALARS = yaml.constructor.SafeConstructor()
_CONSTRUCTORS = yaml.constructor.SafeConstructor.yaml_constructors


class YamlFile:
    """The content of one file: `data` (None when it could not be read), `faults`, and lines by field path.

    `draft` is the content of a file whose only faults are keys given twice: enough to name its other faults as well.
    """

    def __init__(self, path: str, text: bytes) -> None:
        self.path = path
        self.faults: list[Fault] = []
        self.data: Any = None
        self.draft: Any = None
        self._node: Any = None
        self._parse(text)

    @classmethod
    def read(cls, root: Path, path: str) -> YamlFile:
        """Read `root/path`. A file that cannot be read, or is over 1 MiB, or is a link, becomes a fault."""
        full = root / path
        try:
            if full.is_symlink():
                return cls._refused(path, "is a symbolic link", "commit the file itself")
            if full.stat().st_size > MAX_BYTES:
                return cls._refused(path, "is larger than 1 MiB", "split it")
            return cls(path, full.read_bytes())
        except OSError as error:
            return cls._refused(path, f"cannot be read: {error.strerror or error}", "check that it exists")

    @classmethod
    def _refused(cls, path: str, message: str, mend: str) -> YamlFile:
        refused = cls(path, b"{}")
        refused.data = None
        refused.faults = [Fault(path, 0, "", message, mend)]
        return refused

    def _fault(self, line: int, field: str, message: str, mend: str) -> None:
        self.faults.append(Fault(self.path, line, field, message, mend))

    def _parse(self, content: bytes) -> None:
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1
            return self._fault(line, "", f"is not UTF-8 (byte {error.start})", "save the file as UTF-8")
        loader = _Loader(text)
        try:
            self._node = loader.get_single_node()
            if self._node is None:
                return self._fault(1, "", "is empty", "write the record, or delete the file")
            self._check(self._node, "", set(), 0)
            if all(fault.message == _TWICE for fault in self.faults):
                self.draft = loader.construct_document(self._node)
                self.data = None if self.faults else self.draft
        except RecursionError:
            self._fault(1, "", "is nested too deeply", f"use at most {MAX_DEPTH} levels")
        except _UNSUITABLE as error:
            self._syntax_fault(error, text)
        finally:
            loader.dispose()
        return None

    def _syntax_fault(self, error: Exception, text: str) -> None:
        """What the reader or the parser says, with the line of it."""
        mark, position = getattr(error, "problem_mark", None), getattr(error, "position", None)
        line = mark.line + 1 if mark else text.encode()[:position].count(b"\n") + 1 if position is not None else 1
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error).splitlines()[0]
        self._fault(line, "", f"is not valid YAML: {problem}", "mend the syntax")

    def _check_tag(self, node: Any, field: str) -> None:
        """Only plain values: a tag of another kind is refused, and so is a value that does not suit its tag."""
        line, kind = node.start_mark.line + 1, str(node.tag).removeprefix(_TAG)
        if node.tag not in _PLAIN_TAGS:
            self._fault(line, field, f"has the YAML tag {kind!r}", "write a plain value without a tag")
        elif isinstance(node, yaml.ScalarNode) and kind not in ("str", "null"):
            try:
                _CONSTRUCTORS[node.tag](_SCALARS, node)
            except _UNSUITABLE:
                shown = node.value if len(node.value) < 60 else node.value[:57] + "..."
                self._fault(line, field, f"{shown!r} cannot be read as {kind}", "correct the value")

    def _check_key(self, key: Any, path: str) -> None:
        """A key is one plain value (records refuse all but text); `<<` would hide keys from the reader."""
        line, kind = key.start_mark.line + 1, str(key.tag).removeprefix(_TAG)
        if kind == "merge":
            self._fault(line, path, "is a YAML merge", "write the keys out")
        elif not isinstance(key, yaml.ScalarNode) or kind not in ("str", "int", "float", "bool"):
            name = key.value if isinstance(key, yaml.ScalarNode) else f"a {key.id}"
            self._fault(line, path, f"the key {name!r} is no text", "quote it")

    def _check(self, node: Any, field: str, seen: set[int], depth: int) -> None:
        """Find duplicate keys, keys that are no text, tags, aliases (which could blow up), and runaway depth."""
        line = node.start_mark.line + 1
        if depth > MAX_DEPTH:
            return self._fault(line, field, "is nested too deeply", f"use at most {MAX_DEPTH} levels")
        if id(node) in seen:  # a second alias of the same anchor is not told again
            told = f"is a YAML alias of line {line}"
            if not any(fault.message == told for fault in self.faults):
                self._fault(line, field, told, "write the value out")
            return None
        seen.add(id(node))
        self._check_tag(node, field)
        if isinstance(node, yaml.SequenceNode):
            for index, child in enumerate(node.value):
                self._check(child, f"{field}.{index}" if field else str(index), seen, depth + 1)
        elif isinstance(node, yaml.MappingNode):
            keys: set[str] = set()
            for key, child in node.value:
                name = str(key.value) if isinstance(key, yaml.ScalarNode) else "?"
                path = f"{field}.{name}" if field else name
                if name in keys:
                    self._fault(key.start_mark.line + 1, path, _TWICE, "keep one of the two")
                keys.add(name)
                self._check_key(key, path)
                self._check(child, path, seen, depth + 1)
        return None

    def line_of(self, field: tuple[str | int, ...]) -> int:
        """Line of a field, or of the deepest ancestor that exists (1 when nothing of it does)."""
        node, line = self._node, 1
        for part in field:
            found = self._child(node, part)
            if found is None:
                break
            line, node = found
        return line

    @staticmethod
    def _child(node: Any, part: str | int) -> tuple[int, Any] | None:
        if isinstance(node, yaml.MappingNode):
            for key, child in node.value:
                if str(key.value) == str(part):
                    return key.start_mark.line + 1, child
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            child = node.value[part]
            return child.start_mark.line + 1, child
        return None


def yaml_paths(root: Path, folder: str) -> Iterator[str]:
    """Every `.yaml` file below `root/folder`, relative to root, in sorted order. Links are not followed."""
    import os

    found: list[str] = []
    for parent, folders, files in os.walk(root / folder):
        folders.sort()
        relative = Path(parent).relative_to(root).as_posix()
        found += [f"{relative}/{name}" for name in files if name.endswith((".yaml", ".yml"))]
    yield from sorted(found)
