"""Sources → the fields of their classes with types, over all bases that the same release defines."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field

Kind = tuple[str, ...]
"""Sorted names out of bool, int, float, str, list, dict, any; `=value` for each value of a closed choice."""

_PLAIN = {"bool": "bool", "int": "int", "float": "float", "str": "str", "Path": "str", "PathLike": "str"}
_LISTS = {"list", "List", "tuple", "Tuple", "Sequence", "set", "Set", "Iterable"}
_DICTS = {"dict", "Dict", "Mapping", "OrderedDict", "DictDefault"}
_CONSTRAINED = {"conint": "int", "confloat": "float", "constr": "str", "conlist": "list"}
_WRAPPERS = {"Annotated", "Optional", "Union", "Final", "Required", "NotRequired"}


@dataclass
class Class:
    """A class as its source declares it."""

    name: str
    bases: tuple[str, ...]
    fields: dict[str, ast.expr | None] = field(default_factory=dict)
    parameters: tuple[str, ...] = ()
    members: dict[str, str | None] = field(default_factory=dict)
    """Names assigned in the body → the literal as text, None for a value that is computed."""


@dataclass(frozen=True)
class Field:
    """One field: its kind, and the classes that its annotation names (whose own fields are nested below it)."""

    kind: Kind
    nested: tuple[str, ...]


class Table:
    """The classes of one release, by name; two with the same name count as one that has the fields of both.

    `member_names`: a file may name the member of an enumeration as well as its value (OmegaConf does).
    """

    def __init__(self, modules: Iterable[ast.Module], member_names: bool = False) -> None:
        self.member_names = member_names
        self.classes: dict[str, Class] = {}
        self.functions: dict[str, tuple[str, ...]] = {}
        self.aliases: dict[str, ast.expr] = {}
        self.imported: set[str] = set()
        """Names that a module assigns or imports at its top, so that they can be imported from it."""
        for module in modules:
            for node in ast.walk(module):
                if isinstance(node, ast.ClassDef):
                    self._add(_class(node))
                elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    known = self.functions.get(node.name, ())
                    self.functions[node.name] = tuple(dict.fromkeys((*known, *_parameters(node))))
            for node in module.body:
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                    self.aliases.setdefault(node.targets[0].id, node.value)
                elif isinstance(node, ast.ImportFrom):
                    self.imported |= {item.asname or item.name for item in node.names}
        self.imported |= set(self.aliases)

    def _add(self, found: Class) -> None:
        known = self.classes.get(found.name)
        if known is None:
            self.classes[found.name] = found
            return
        known.fields |= {key: value for key, value in found.fields.items() if key not in known.fields}
        known.bases = tuple(dict.fromkeys((*known.bases, *found.bases)))
        known.parameters = tuple(dict.fromkeys((*known.parameters, *found.parameters)))
        known.members |= found.members

    def fields(self, name: str, _seen: frozenset[str] = frozenset()) -> dict[str, Field]:
        """Fields of a class and its bases; of a class without any, the parameters of its constructor."""
        found = self.classes.get(name)
        if found is None or name in _seen:
            return {}
        merged: dict[str, Field] = {}
        for base in found.bases:
            merged |= self.fields(base, _seen | {name})
        own = {key: self._field(annotation) for key, annotation in found.fields.items()}
        if not own and found.parameters:
            own = {key: Field(("any",), ()) for key in found.parameters}
        return merged | own

    def bases(self, name: str) -> set[str]:
        """All bases of a class, also those that other packages define."""
        found = self.classes.get(name)
        direct = set(found.bases) if found else set()
        return direct.union(*(self.bases(base) for base in direct if base != name)) if direct else direct

    def dotted(self, name: str, prefix: str = "", depth: int = 0) -> dict[str, Kind]:
        """Fields with those of nested classes, joined by dots."""
        found: dict[str, Kind] = {}
        for key, entry in self.fields(name).items():
            found[f"{prefix}{key}"] = entry.kind
            if depth < 4:
                for nested in entry.nested:
                    below = self.dotted(nested, f"{prefix}{key}.", depth + 1)
                    found |= {path: merge(found[path], kind) if path in found else kind for path, kind in below.items()}
        return found

    def _field(self, annotation: ast.expr | None) -> Field:
        kinds: set[str] = set()
        nested: list[str] = []
        if annotation is None:
            kinds.add("any")
        else:
            self._read(annotation, kinds, nested, 0)
        return Field(tuple(sorted(kinds or {"any"})), tuple(nested))

    def _read(self, node: ast.expr, kinds: set[str], nested: list[str], depth: int) -> None:
        if depth > 12:
            kinds.add("any")
        elif isinstance(node, ast.Constant):
            self._constant(node, kinds, nested, depth)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            self._read(node.left, kinds, nested, depth + 1)
            self._read(node.right, kinds, nested, depth + 1)
        elif isinstance(node, ast.Subscript):
            self._subscript(node, kinds, nested, depth)
        elif isinstance(node, ast.Name | ast.Attribute):
            self._name(node.id if isinstance(node, ast.Name) else node.attr, kinds, nested, depth)
        elif isinstance(node, ast.Call):
            function = ast.unparse(node.func).rsplit(".", 1)[-1]
            kinds.add(_CONSTRAINED.get(function, "any"))
            for item in node.args if function == "conlist" else ():
                self._read(item, set(), nested, depth + 1)
        else:
            kinds.add("any")

    def _constant(self, node: ast.Constant, kinds: set[str], nested: list[str], depth: int) -> None:
        if isinstance(node.value, str):
            try:
                self._read(ast.parse(node.value, mode="eval").body, kinds, nested, depth + 1)
            except SyntaxError:
                kinds.add("any")
        elif node.value is not None:
            kinds.add("any")

    def _subscript(self, node: ast.Subscript, kinds: set[str], nested: list[str], depth: int) -> None:
        head = ast.unparse(node.value).rsplit(".", 1)[-1]
        inside = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if head == "Literal":
            kinds.update(
                f"={item.value!s}" for item in inside if isinstance(item, ast.Constant) and item.value is not None
            )
        elif head in _LISTS or head in _DICTS:
            kinds.add("list" if head in _LISTS else "dict")
            ignored: set[str] = set()
            for item in inside:
                self._read(item, ignored, nested, depth + 1)
        elif head in _WRAPPERS:
            for item in inside[:1] if head == "Annotated" else inside:
                self._read(item, kinds, nested, depth + 1)
        else:
            kinds.add("any")

    def _name(self, name: str, kinds: set[str], nested: list[str], depth: int) -> None:
        if name in _PLAIN or name in _LISTS or name in _DICTS:
            kinds.add(_PLAIN.get(name) or ("list" if name in _LISTS else "dict"))
        elif name in self.classes and self.values(name):
            kinds.update(f"={value}" for value in self.values(name))
        elif name in self.classes and self.fields(name) and not self._is_enumeration(name):
            kinds.add("dict")
            nested.append(name)
        elif name in self.aliases:
            self._read(self.aliases[name], kinds, nested, depth + 1)
        elif name != "None":
            kinds.add("any")

    def _is_enumeration(self, name: str) -> bool:
        return bool(self.bases(name) & {"Enum", "IntEnum", "StrEnum", "ExplicitEnum"})

    def values(self, name: str) -> tuple[str, ...]:
        """What an enumeration takes; empty where a member's value is computed, and for other classes."""
        found = self.classes.get(name)
        if found is None or not self._is_enumeration(name):
            return ()
        if any(value is None for value in found.members.values()):
            return ()
        values = [str(value) for value in found.members.values()]
        return tuple(dict.fromkeys([*values, *(found.members if self.member_names else ())]))


def merge(one: Kind, other: Kind) -> Kind:
    """Both kinds are allowed; whatever is open makes the whole open."""
    joined = tuple(sorted({*one, *other}))
    return ("any",) if "any" in joined else joined


def _class(node: ast.ClassDef) -> Class:
    found = Class(node.name, tuple(_last(base) for base in node.bases))
    for item in node.body:
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
            if not item.target.id.startswith("_") and not ast.unparse(item.annotation).startswith("ClassVar"):
                found.fields[item.target.id] = item.annotation
                found.fields |= dict.fromkeys(_aliases(item.value), item.annotation)
        elif isinstance(item, ast.FunctionDef) and item.name == "__init__":
            found.parameters = tuple(name for name in _parameters(item) if name != "self")
    found.members = {
        item.targets[0].id: str(item.value.value) if isinstance(item.value, ast.Constant) else None
        for item in node.body
        if isinstance(item, ast.Assign) and isinstance(item.targets[0], ast.Name)
    }
    return found


def _aliases(node: ast.expr | None) -> list[str]:
    """Other names that pydantic reads a field from: `Field(alias=…)`."""
    if not isinstance(node, ast.Call):
        return []
    named = [item.value for item in node.keywords if item.arg in ("alias", "validation_alias")]
    return [str(item.value) for item in named if isinstance(item, ast.Constant)]


def _last(node: ast.expr) -> str:
    text = ast.unparse(node)
    return text.split("[")[0].rsplit(".", 1)[-1]


def _parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[str, ...]:
    arguments = node.args
    return tuple(item.arg for item in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs))
