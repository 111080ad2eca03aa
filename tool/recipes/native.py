"""Reading native values: numbers written as strings, booleans written as words, references, absent markers."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

from tool.recipes.draft import BadValue

_ABSENT = {"", "none", "null", "auto", "~", "n/a"}
_TRUE, _FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}
_REFERENCE = re.compile(r"^\$\{(?:oc\.select:)?([\w.\-]+)\}$")
# What a program would compute: a shell variable, an attribute, a call or an expression. Its value was not published.
_EXPRESSION = re.compile(r"[$(){}<>\[\]\\]|[A-Za-z_]\w*\.\w|\w\s[-+*/]\s\w|[A-Za-z]\w*_\w|%")
# The key of an argument in a call (`TrainingArguments.num_train_epochs`): a bare word there is a variable.
_CALL = re.compile(r"^[A-Z]\w+\.")
_MAX_HOPS = 5


class Native:
    """A flat native configuration. Every reader takes several spellings of a key and returns the first that is set."""

    __slots__ = ("config",)

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config

    def raw(self, *keys: str) -> Any:
        """The first value that is set, references resolved; None when none is."""
        return self._find(keys)[1]

    def has(self, *keys: str) -> bool:
        return self._find(keys)[1] is not None

    def number(self, *keys: str) -> float | None:
        """A finite number. Raises BadValue for text that is no number, NaN and infinities."""
        key, value = self._find(keys)
        if value is None:
            return None
        if isinstance(value, list):
            # Command lines broken with a backslash leave it behind as a word of its own.
            words = [item for item in value if item != "\\"]
            value = words[0] if len(words) == 1 else value
        if isinstance(value, str):
            value = self._parsed(key, value)
            if value is None:
                return None
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise BadValue(key, f"must be a number, got {str(value)[:40]!r}", "write one number")
        if abs(value) > 1e300 or not math.isfinite(value):
            raise BadValue(key, f"must be finite, got {str(value)[:40]}", "write a finite number")
        return float(value)

    def integer(self, *keys: str) -> int | None:
        """A whole number. `4.0` is one, 4.5 is not."""
        value = self.number(*keys)
        if value is None:
            return None
        if value != int(value):
            raise BadValue(self._find(keys)[0], f"must be a whole number, got {value:g}", "write a whole number")
        return int(value)

    def flag(self, *keys: str) -> bool | None:
        """A boolean, also where it was written as a word."""
        key, value = self._find(keys)
        if value is None or isinstance(value, bool):
            return value
        word = str(value).strip().lower()
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
        if _EXPRESSION.search(str(value)):
            return None
        raise BadValue(key, f"must be true or false, got {str(value)[:40]!r}", "write true or false")

    def text(self, *keys: str) -> str | None:
        """A text, stripped. A list gives its first item."""
        _, value = self._find(keys)
        if isinstance(value, (list, tuple)):
            value = next((item for item in value if item), None)
        return None if value is None else str(value).strip()

    def texts(self, *keys: str) -> tuple[str, ...]:
        """A list of texts; a single text is split at commas."""
        _, value = self._find(keys)
        if value is None or isinstance(value, bool):
            return ()
        items = value if isinstance(value, (list, tuple)) else str(value).strip("[]").split(",")
        return tuple(part for part in (str(item).strip(" ,'\"[]") for item in items) if part)

    def under(self, prefix: str) -> Iterator[tuple[str, Any]]:
        """Pairs whose key starts with `prefix`, the prefix removed."""
        size = len(prefix)
        for key, value in self.config.items():
            if key.startswith(prefix):
                yield key[size:], value

    def _find(self, keys: tuple[str, ...]) -> tuple[str, Any]:
        for key in keys:
            value = self.config.get(key)
            if isinstance(value, str):
                value = self._resolved(value)
                if value is None or (isinstance(value, str) and value.strip().lower() in _ABSENT):
                    continue
            if value is not None:
                return key, value
        return keys[0] if keys else "", None

    def _resolved(self, value: Any) -> Any:
        for _ in range(_MAX_HOPS):
            match = _REFERENCE.match(value) if isinstance(value, str) else None
            if not match:
                return value
            value = self.config.get(match.group(1))
        return None

    @staticmethod
    def _parsed(key: str, text: str) -> float | None:
        try:
            return float(text.replace("_", "") if text[:1].isdigit() else text)
        except ValueError:
            if _EXPRESSION.search(text) or (_CALL.match(key) and text.isidentifier()):
                return None
            raise BadValue(key, f"must be a number, got {text[:40]!r}", "write one number") from None


def flattened(config: dict[str, Any], prefix: str = "", depth: int = 0) -> dict[str, Any]:
    """Nested mappings and lists of mappings as one level with dotted keys; deeper than 20 levels is refused."""
    if depth > 20:
        raise BadValue(prefix.rstrip("."), "is nested too deeply", "use at most 20 levels")
    flat: dict[str, Any] = {}
    for key, value in config.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict):
            flat.update(flattened(value, f"{name}.", depth + 1))
        elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            for index, item in enumerate(value):
                flat.update(flattened(item, f"{name}.{index}.", depth + 1))
        else:
            flat[name] = value
    return flat
