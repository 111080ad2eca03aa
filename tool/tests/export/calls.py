"""Which calls a script makes: its definitions run with stand-ins for the libraries, which note their arguments.

The parameters, the functions and the imports of the script are executed as they are; what talks to a card, a disk or
a data set is left out. Then `build_trainer` is called. Reading arguments by `ast` would see names in place of values.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any
from unittest import mock

LIBRARIES = ("torch", "transformers", "trl", "trl.experimental.orpo", "trl.experimental.cpo", "trl.experimental.kto")
LIBRARIES += ("trl.experimental", "peft", "accelerate", "datasets", "unsloth", "bitsandbytes", "psutil")


class Note:
    """A stand-in for anything of a library: calls are noted as `Class.argument`, and give another stand-in."""

    def __init__(self, name: str, noted: dict[str, Any]) -> None:
        self._name, self._noted = name, noted

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Note(f"{self._name}.{name}" if self._name else name, self._noted)

    def __call__(self, *positional: Any, **named: Any) -> Any:
        if positional and self._name.endswith(".from_pretrained"):
            named = {"pretrained_model_name_or_path": positional[0], **named}
        for argument, value in named.items():
            self._noted[f"{self._name}.{argument}"] = value
        return Note(f"{self._name}()", self._noted)

    def __iter__(self) -> Iterator[Any]:
        return iter((self, self))


@contextmanager
def stand_ins(noted: dict[str, Any]) -> Iterator[None]:
    """Modules whose every name is a Note."""
    modules = {}
    for name in LIBRARIES:
        module = ModuleType(name)
        module.__getattr__ = lambda attribute: Note(attribute, noted)  # type: ignore[method-assign]
        modules[name] = module
    with mock.patch.dict(sys.modules, modules):
        yield


def _kept(node: ast.stmt) -> bool:
    """Definitions, imports, and parameters: names in capitals that are given a literal."""
    if isinstance(node, ast.FunctionDef | ast.Import | ast.ImportFrom):
        return True
    if not (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id.isupper()):
        return False
    try:
        ast.literal_eval(node.value)
    except ValueError:
        return False
    return True


def calls(text: str) -> dict[str, Any]:
    """`Class.argument` → value, of all calls that building the trainer makes, where the value is plain data."""
    noted: dict[str, Any] = {}
    tree = ast.parse(text)
    tree.body = [node for node in tree.body if _kept(node)]
    scope: dict[str, Any] = {"DRY_RUN": False, "DTYPE": None, "tokenizer": None, "train_rows": None, "held_out": None}
    with stand_ins(noted):
        exec(compile(tree, "script.py", "exec"), scope)
        scope |= {"expert_parameters": lambda model: [], "can_mask_users": lambda: True, "DTYPE": scope["WEIGHTS"]}
        noted.clear()
        scope["build_trainer"](scope["MICRO_BATCH"], scope["ACCUMULATION"])
    plain = (str, int, float, bool, list, tuple, dict, type(None))
    found = {key: value for key, value in noted.items() if isinstance(value, plain) and "()" not in key}
    return {key: value for key, value in found.items() if not key.endswith("_kwargs")}
