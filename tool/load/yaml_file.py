"""One YAML file → plain data, with the line of every field, and every fault of form found on the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tool.errors import Fault

MAX_BYTES = 1 << 20
MAX_DEPTH = 40


class _Loader(yaml.CSafeLoader):
    """CSafeLoader that reads `2e-5` as a number (YAML 1.2) and leaves dates as text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
_FLOAT = (
    r"^[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[0-9][0-9_]*[eE][-+]?[0-9]+|\.[0-9]+(?:[eE][-+]?[0-9]+)?)$"
)


def _install_float_resolver() -> None:
    import re

    _Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(_FLOAT), list("-+0123456789."))


_install_float_resolver()


class YamlFile:
    """The content of one file: `data` (None when it could not be read), `faults`, and lines by field path."""

    def __init__(self, path: str, text: bytes) -> None:
        self.path = path
        self.faults: list[Fault] = []
        self.data: Any = None
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
                return self._fault(0, "", "is empty", "write the record, or delete the file")
            self._check(self._node, "", set(), 0)
            if not self.faults:
                self.data = loader.construct_document(self._node)
        except RecursionError:
            self._fault(0, "", "is nested too deeply", f"use at most {MAX_DEPTH} levels")
        except (yaml.YAMLError, ValueError) as error:
            mark = getattr(error, "problem_mark", None)
            problem = getattr(error, "problem", None) or str(error).splitlines()[0]
            self._fault(mark.line + 1 if mark else 0, "", f"is not valid YAML: {problem}", "mend the syntax")
        finally:
            loader.dispose()
        return None

    def _check(self, node: Any, field: str, seen: set[int], depth: int) -> None:
        """Find duplicate keys, keys that are no strings, aliases (which could blow up), and runaway depth."""
        line = node.start_mark.line + 1
        if depth > MAX_DEPTH:
            return self._fault(line, field, "is nested too deeply", f"use at most {MAX_DEPTH} levels")
        if id(node) in seen:
            return self._fault(line, field, "is a YAML alias", "write the value out")
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            for index, child in enumerate(node.value):
                self._check(child, f"{field}.{index}" if field else str(index), seen, depth + 1)
        elif isinstance(node, yaml.MappingNode):
            keys: set[str] = set()
            for key, child in node.value:
                name = str(key.value)
                path = f"{field}.{name}" if field else name
                if name in keys:
                    self._fault(key.start_mark.line + 1, path, "is given twice", "keep one of the two")
                keys.add(name)
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
