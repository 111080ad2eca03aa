"""A folder of YAML files → typed records, each loaded when it is asked for, or all at once with every fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from tool.errors import BadRequest, Fault, InputFaults, did_you_mean
from tool.load.yaml_file import YamlFile, yaml_paths

T = TypeVar("T", bound=BaseModel)
_MENDS = {
    "extra_forbidden": "remove the key or correct its spelling",
    "missing": "add the field",
    "string_type": "put it in quotes",
}
_HINTS = {"head_dim": "add it: hidden_size / num_attention_heads where config.json lacks it"}
"""Mends of fields that an author may look for in vain."""


def _is_scalar(value: Any) -> bool:
    return isinstance(value, (bool, int, float))


def faults_of(error: ValidationError, file: YamlFile, known: set[str]) -> list[Fault]:
    """Turn pydantic's errors into faults with lines and mends."""
    faults = []
    for item in error.errors():
        field = tuple(part for part in item["loc"])
        name = ".".join(str(part) for part in field)
        message, mend = str(item["msg"]), _MENDS.get(str(item["type"]), "correct the value")
        if item["type"] == "extra_forbidden":
            message = f"unknown key {field[-1]!r}"
            mend = did_you_mean(str(field[-1]), known - {str(field[-1])}, mend)
        elif item["type"] == "missing":
            message, mend = "is missing", _HINTS.get(str(field[-1]), mend)
        else:
            given = repr(item.get("input"))
            message = f"{message[0].lower()}{message[1:]}, got {given if len(given) < 60 else given[:57] + '...'}"
            if item["type"] == "string_type" and not _is_scalar(item.get("input")):
                mend = "correct the value"
        faults.append(Fault(file.path, file.line_of(field), name, message, mend))
    return faults


def field_names(record: type[BaseModel]) -> set[str]:
    """All field names of a record and of the records inside it, for did-you-mean."""
    names: set[str] = set()
    schema = record.model_json_schema()
    for part in [schema, *schema.get("$defs", {}).values()]:
        names |= set(part.get("properties", {}))
    return names


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _type_faults(given: Any, read: Any, file: YamlFile, field: tuple[str | int, ...] = ()) -> Iterator[Fault]:
    """A fault for every truth value or text that was read as a number, and every number read as a truth value.

    Pydantic takes `true` for 1 and "16" for 16; in a file both are slips.
    """
    if isinstance(given, dict):
        for key, value in given.items():
            inner = read.get(key) if isinstance(read, dict) else getattr(read, str(key), None)
            yield from _type_faults(value, inner, file, (*field, key))
    elif isinstance(given, list) and isinstance(read, (list, tuple)):
        for index, (value, inner) in enumerate(zip(given, read, strict=False)):
            yield from _type_faults(value, inner, file, (*field, index))
    elif isinstance(given, (bool, str)) and _is_number(read):
        yield _type_fault(given, "number", file, field)
    elif not isinstance(given, bool) and isinstance(read, bool):
        yield _type_fault(given, "truth value", file, field)


def _type_fault(given: Any, wanted: str, file: YamlFile, field: tuple[str | int, ...]) -> Fault:
    mend = "write it without quotes" if isinstance(given, str) else "correct the value"
    name = ".".join(str(part) for part in field)
    return Fault(file.path, file.line_of(field), name, f"input should be a {wanted}, got {given!r}", mend)


def _validated(data: Any, file: YamlFile, record: type[T], faults: list[Fault]) -> T:
    """The data of a file as a record. Raises InputFaults with every fault: `faults`, and those of the data."""
    try:
        read = record.model_validate(data)
    except ValidationError as error:
        raise InputFaults([*faults, *faults_of(error, file, field_names(record))]) from None
    faults = [*faults, *_type_faults(data, read, file)]
    if faults:
        raise InputFaults(faults)
    return read


def read_record(root: Path, path: str, record: type[T]) -> T:
    """One file as one record. Raises InputFaults, each fault with its line, for a file that is not one."""
    file = YamlFile.read(root, path)
    if file.faults and file.draft is None:
        raise InputFaults(file.faults)
    return _validated(file.draft, file, record, file.faults)


class Records(Generic[T]):
    """Records of one kind, by id. The id is the path below `folder` without `.yaml`."""

    def __init__(
        self,
        root: Path,
        folder: str,
        record: type[T],
        noun: str,
        prepare: Callable[[dict[str, Any], str, YamlFile], dict[str, Any]] | None = None,
    ) -> None:
        self.root, self.folder, self.record, self.noun = root, folder, record, noun
        self._prepare = prepare
        self._loaded: dict[str, T] = {}
        self.inherited: dict[str, str] = {}
        """Id → path of the file that a record inherits from."""
        self.recorder: set[str] | None = None
        self._ids: list[str] | None = None
        self.broken: set[str] = set()
        """Ids whose files `load_all` found faults in; iteration then passes them over, so that the rest is judged."""

    def path(self, id: str) -> str:
        return f"{self.folder}/{id}.yaml"

    def ids(self) -> list[str]:
        """All ids, sorted."""
        if self._ids is None:
            start = len(self.folder) + 1
            self._ids = [path[start : path.rindex(".")] for path in yaml_paths(self.root, self.folder)]
        if self.recorder is not None:
            self.recorder.add(f"{self.folder}/")
        return self._ids

    def __contains__(self, id: object) -> bool:
        if not isinstance(id, str) or not id or any(part in ("", ".", "..") for part in id.split("/")):
            return False
        try:
            found = id in self._loaded or (self.root / self.path(id)).is_file()
        except OSError:  # a text too long for a file name is no id
            return False
        if self.recorder is not None and not found:
            self.recorder.add(self.path(id))
        return found

    def __getitem__(self, id: str) -> T:
        """The record, loaded and validated on first use. Raises InputFaults, or KeyError for an unknown id."""
        if id not in self._loaded:
            if id not in self:
                if id in self.ids():
                    raise InputFaults([Fault(f"{self.folder}/{id}.yml", 0, "", "ends in .yml", "rename it to .yaml")])
                raise KeyError(id)
            self._loaded[id] = self.parse(id)
        if self.recorder is not None:
            self.recorder.add(self.path(id))
            if id in self.inherited:
                self.recorder.add(self.inherited[id])
        return self._loaded[id]

    def __iter__(self) -> Iterator[T]:
        for id in self.ids():
            if id not in self.broken:
                yield self[id]

    def __len__(self) -> int:
        return len(self.ids())

    def find(self, id: str, field: str) -> T:
        """Like `[]`, but a miss is a BadRequest that suggests the nearest id."""
        if id in self:
            return self[id]
        listing = f"known: {', '.join(self.ids()[:8])}{', …' if len(self) > 8 else ''}"
        raise BadRequest(field, f"unknown {self.noun} {id!r}", did_you_mean(id, self.ids(), listing, cutoff=0.5))

    def parse(self, id: str) -> T:
        """Read and validate one file. Raises InputFaults with every fault of that file."""
        file = YamlFile.read(self.root, self.path(id))
        if file.faults and file.draft is None:
            raise InputFaults(file.faults)
        if not isinstance(file.draft, dict):
            raise InputFaults([Fault(file.path, 1, "", "is not a mapping", "write key: value lines")])
        data, faults = dict(file.draft), list(file.faults)
        if "id" in data:
            faults.append(Fault(file.path, file.line_of(("id",)), "id", "comes from the file name", "remove the key"))
        if self._prepare:
            data = self._prepare(data, id, file)
        if "id" in self.record.model_fields:
            data["id"] = id
        else:
            data.pop("id", None)
        return _validated(data, file, self.record, faults)

    def load_all(self) -> list[Fault]:
        """Load every record; return all faults instead of raising."""
        faults: list[Fault] = []
        seen: dict[str, str] = {}
        for id in self.ids():
            twin = seen.setdefault(id.casefold(), id)
            if twin != id:
                faults.append(Fault(self.path(id), 0, "", f"differs from {twin} only in case", "rename one"))
            other = self.path(id).removesuffix(".yaml") + ".yml"
            if (self.root / other).exists():
                faults.append(Fault(other, 0, "", "ends in .yml", "rename it to .yaml"))
                self.broken.add(id)
                continue
            try:
                self._loaded.setdefault(id, self.parse(id))
            except InputFaults as error:
                faults += error.faults
                self.broken.add(id)
        return faults
