"""The jinja2 environment of the templates: strict about missing names, safe about what goes into code."""

from __future__ import annotations

import re
from functools import lru_cache
from json.encoder import encode_basestring
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

PHRASES = 4096
"""Short texts whose markdown is kept in memory: the same rules and sources stand in every notebook."""
FOLDER = Path(__file__).resolve().parent.parent / "templates"

_REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+!\[\]-]*")
_MARKDOWN_SPECIAL = str.maketrans({character: f"\\{character}" for character in "\\`*_[]<>|#$"})


def python_literal(value: Any, width: int = 100) -> str:
    """A Python literal of plain data, in double quotes. Strings are escaped, so that none can leave its quotes.

    Raises TypeError for anything else than None, bool, int, float, str, list, tuple and dict of those.
    """
    if value is None or type(value) in (bool, int, float):
        return repr(value)
    if type(value) is str:
        return _quoted(value)
    if isinstance(value, dict):
        items = [f"{python_literal(key)}: {python_literal(item)}" for key, item in sorted(value.items())]
        return _bracket(items, "{", "}", width)
    if isinstance(value, list | tuple):
        items = [python_literal(item) for item in value]
        if isinstance(value, list):
            return _bracket(items, "[", "]", width)
        return f"({items[0]},)" if len(items) == 1 else f"({', '.join(items)})"
    raise TypeError(f"{type(value).__name__} is no plain value for a notebook")


@lru_cache(maxsize=PHRASES)
def _quoted(text: str) -> str:
    quoted = encode_basestring(text.encode("utf-8", "replace").decode())
    if quoted.isprintable():
        return quoted
    return "".join(letter if letter.isprintable() else _escaped(letter) for letter in quoted)


def _escaped(letter: str) -> str:
    """A letter that does not print (a line separator, say) as a Python escape."""
    return f"\\u{ord(letter):04x}" if ord(letter) < 0x10000 else f"\\U{ord(letter):08x}"


def one_line(value: Any) -> str:
    """`value` as printable text without line breaks."""
    line = " ".join(str(value).split())
    return line if line.isprintable() else "".join(letter for letter in line if letter.isprintable())


def _bracket(items: list[str], opening: str, closing: str, width: int) -> str:
    """Items in brackets: on one line where they fit, else filled up to `width` characters a line."""
    line = opening + ", ".join(items) + closing
    if len(line) <= width and "\n" not in line:
        return line
    lines, current = [], "   "
    for item in items:
        if len(current) + len(item) > width and current.strip():
            lines.append(current)
            current = "   "
        current += f" {item},"
    return "\n".join([opening, *lines, current, closing])


def markdown_text(value: Any) -> str:
    """One line of markdown that shows `value` and nothing else: no markup, no cell separator, no line break."""
    return _shown(value if type(value) is str else str(value))


@lru_cache(maxsize=PHRASES)
def _shown(text: str) -> str:
    return one_line(text).translate(_MARKDOWN_SPECIAL)


def markdown_code(value: Any) -> str:
    """`value` as inline code in one line; as plain text where it holds what code cannot escape."""
    return _code(value if type(value) is str else str(value))


@lru_cache(maxsize=PHRASES)
def _code(text: str) -> str:
    line = one_line(text)
    return markdown_text(text) if set(line) & set("`|<>") else f"`{line}`"


def forget_phrases() -> None:
    """Drop the texts that are kept in memory."""
    _shown.cache_clear()
    _code.cache_clear()
    _quoted.cache_clear()


def shell_word(value: Any) -> str:
    """A name or version on a pip line. Raises ValueError for anything that could be more than that."""
    text = str(value)
    if not _REQUIREMENT.fullmatch(text):
        raise ValueError(f"{text!r} is no requirement")
    return text


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The environment; built once, since compiling templates costs more than rendering them."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    class Recorded(Environment):
        """Notes every template that a rendering asks for, and finds a compiled one without asking its loader."""

        def get_template(self, name: Any, parent: str | None = None, globals: Any = None) -> Any:
            _used.add(name)
            found = _compiled.get((self.loader, name))
            if found is None:
                found = _compiled[self.loader, name] = super().get_template(name, parent, globals)
            return found

        def compile(self, source: Any, name: Any = None, filename: Any = None, *rest: Any, **more: Any) -> Any:
            """Compiled once for all environments that have the same file under the same name."""
            key = (source, name, filename)
            if rest or more or not isinstance(source, str):
                return super().compile(source, name, filename, *rest, **more)
            if key not in _code_of:
                _code_of[key] = super().compile(source, name, filename)
            return _code_of[key]

        def getattr(self, obj: Any, attribute: str) -> Any:
            """`record.field` of plain data is an item; jinja2 would look for an attribute first, in vain."""
            if type(obj) is dict and attribute in obj:
                return obj[attribute]
            return super().getattr(obj, attribute)

    result = Recorded(
        loader=FileSystemLoader(FOLDER),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
        auto_reload=False,
    )
    result.filters.update(py=python_literal, md=markdown_text, code=markdown_code, word=shell_word, line=one_line)
    return result


_used: set[str] = set()
_code_of: dict[tuple[str, Any, Any], Any] = {}
_compiled: dict[tuple[Any, str], Any] = {}
"""Templates by loader and name: a loader is one set of files, and files do not change under a running program."""


def used_templates() -> frozenset[str]:
    """Files of the templates that were asked for since the last call, relative to FOLDER."""
    names = frozenset(_used)
    _used.clear()
    return names


def template_names() -> list[str]:
    """The templates that can be rendered: folders with a notebook.py.j2."""
    return list(_names(FOLDER))


@lru_cache(maxsize=4)
def _names(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(path.parent.name for path in folder.glob("*/notebook.py.j2")))
