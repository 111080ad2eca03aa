"""A value against what its key takes: type, and the words of a closed choice."""

from __future__ import annotations

import difflib
from functools import cache
from typing import Any

from tool.lint.known import Entries, group

_WORDS = {"true", "false", "yes", "no", "on", "off", "1", "0"}
_UNSET = {"", "none", "null", "~", "auto"}
_COMPUTED = ("$", "{", "}", "(", "<", "\\", "`")
# The Hugging Face Trainer turns these into members of an enumeration, though they are declared as texts as well.
STRICT = ("optim", "lr_scheduler_type", "eval_strategy", "evaluation_strategy", "save_strategy", "logging_strategy")
SHARED = {"optim": "optim", "optimizer": "optim", "lr_scheduler": "lr_scheduler_type"}
SHARED |= {"lr_scheduler_type": "lr_scheduler_type"}
NEAR = 0.75


def is_computed(value: Any) -> bool:
    """A shell variable, a template or an expression: its value is not in the file."""
    return isinstance(value, str) and any(mark in value for mark in _COMPUTED)


def fault_of(key: str, value: Any, entries: Entries) -> tuple[str, str, str] | None:
    """(rule, message, mend) for a value that no listed release takes; None when one of them does."""
    kinds = {kind for entry in entries for kind in entry.kind}
    if not kinds or value is None or is_computed(value):
        return None
    if "any" in kinds:
        return _near_miss(key, value, kinds)
    if isinstance(value, str) and value.strip().lower() in _UNSET:
        return None
    choices = sorted(kind[1:] for kind in kinds if kind.startswith("="))
    plain = {kind for kind in kinds if not kind.startswith("=")}
    last = key.rsplit(".", 1)[-1]
    if choices and (not plain - {"bool"} or (plain <= {"str", "bool"} and last in STRICT)):
        return _choice(key, value, choices, plain)
    if plain == {"str"} and last in SHARED:
        return _near_miss(key, value, kinds)
    return None if choices else _plain(key, value, plain)


@cache
def _shared_choices(name: str) -> tuple[str, ...]:
    """The optimizers and schedules of transformers, which the others take as well."""
    key = SHARED.get(name)
    kind = group("transformers", "TrainingArguments")[key].kind if key else ()
    return tuple(word[1:] for word in kind if word.startswith("="))


def _near_miss(key: str, value: Any, kinds: set[str]) -> tuple[str, str, str] | None:
    """A key that takes more than its annotation lists: only what is nearly one of the listed words is a fault."""
    listed = _shared_choices(key.rsplit(".", 1)[-1])
    if not listed or not isinstance(value, str) or "." in value:
        return None
    known = sorted({*listed, *(kind[1:] for kind in kinds if kind.startswith("="))})
    word = value.strip().casefold()
    if word in {choice.casefold() for choice in known}:
        return None
    near = difflib.get_close_matches(word, known, n=1, cutoff=NEAR)
    return ("unknown-choice", f"{key} cannot be {_shown(value)}", f"did you mean {near[0]}?") if near else None


def _choice(key: str, value: Any, choices: list[str], plain: set[str]) -> tuple[str, str, str] | None:
    if "bool" in plain and _is_flag(value):
        return None
    if isinstance(value, bool) and {str(value).lower(), "no" if not value else "yes"} & set(choices):
        return None  # YAML reads the words no and yes as booleans, and the frameworks read them back
    words = [str(item) for item in value] if isinstance(value, list | tuple) else [str(value)]
    folded = {choice.casefold() for choice in choices}
    wrong = next((word for word in words if word.strip().casefold() not in folded), None)
    if wrong is None:
        return None
    near = difflib.get_close_matches(wrong, choices, n=1, cutoff=0.6)
    shown = ", ".join(choices[:12]) + (", …" if len(choices) > 12 else "")
    mend = f"did you mean {near[0]}?" if near else f"one of {shown}"
    return "unknown-choice", f"{key} cannot be {_shown(wrong)}", mend


def _plain(key: str, value: Any, plain: set[str]) -> tuple[str, str, str] | None:
    if isinstance(value, list | tuple):
        if plain & {"list", "dict"} or len(value) <= 1 or "str" in plain or any(is_computed(item) for item in value):
            return None
        return "wrong-type", f"{key} takes {_named(plain)}, not a list", "write one value"
    if isinstance(value, dict):
        good = bool(plain & {"dict", "list", "str"})
        return None if good else ("wrong-type", f"{key} takes {_named(plain)}, not a mapping", "write one value")
    if plain & {"str", "list", "dict"}:
        return None
    if (value is False and plain & {"int", "float"}) or ("bool" in plain and _is_flag(value)):
        return None  # false stands for "none of it" wherever a number is wanted
    number = _number(value)
    if plain & {"int", "float"} and number is not None:
        if "float" in plain or number == int(number):
            return None
        return "wrong-type", f"{key} takes a whole number, not {_shown(value)}", "write a whole number"
    mend = "write true or false" if plain == {"bool"} else "write a number" if plain & {"int", "float"} else ""
    return "wrong-type", f"{key} takes {_named(plain)}, not {_shown(value)}", mend


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool) or str(value).strip().lower() in _WORDS


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(str(value).replace("_", ""))
    except ValueError:
        return None
    return number if abs(number) < 1e300 else None


def _named(plain: set[str]) -> str:
    names = {"bool": "true or false", "int": "a whole number", "float": "a number", "str": "a text"}
    if "float" in plain:
        plain = plain - {"int"}
    return " or ".join(names.get(kind, f"a {kind}") for kind in sorted(plain, reverse=True))


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"
