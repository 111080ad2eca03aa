"""The repository as typed data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from tool.errors import Fault, FtcError, InputFaults
from tool.load.records import Records
from tool.load.yaml_file import YamlFile
from tool.schema.catalog import Catalog
from tool.schema.dependency import Stack
from tool.schema.framework import Framework
from tool.schema.gpu import Gpu
from tool.schema.model import Model
from tool.schema.platform import Platform
from tool.schema.task import Task

MARKERS = ("registry", "profiles")


def find_root(start: Path) -> Path:
    """The repository that contains `start`: the nearest folder that holds registry/ and profiles/."""
    start = start.resolve()
    for folder in (start, *start.parents):
        if all((folder / marker).is_dir() for marker in MARKERS):
            return folder
    raise FtcError(f"{start}: no repository here or above (a folder with registry/ and profiles/); name it with --root")


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """One level of inheritance: objects merge, lists and scalars replace."""
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged


class Repo:
    """Facts, choices and rules below one root. Nothing is read until it is asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.models = Records(root, "registry/models", Model, "model", self._inherit)
        self.gpus = Records(root, "profiles/gpus", Gpu, "GPU")
        self.platforms = Records(root, "profiles/platforms", Platform, "platform")
        self.tasks = Records(root, "profiles/tasks", Task, "task")
        self.stacks = Records(root, "profiles/dependencies", Stack, "dependency stack")
        self.frameworks = Records(root, "profiles/frameworks", Framework, "framework")

    @property
    def all_records(self) -> tuple[Records[Any], ...]:
        return (self.models, self.gpus, self.platforms, self.tasks, self.stacks, self.frameworks)

    @contextmanager
    def recording(self) -> Iterator[set[str]]:
        """Collect the paths of all records that are used inside the block, cached ones included.

        A path that was looked for in vain is among them, and `folder/` where the list of a folder's records was used.
        A block inside another one adds to both.
        """
        paths: set[str] = set()
        around = self.models.recorder
        for records in self.all_records:
            records.recorder = paths
        try:
            yield paths
        finally:
            if around is not None:
                around |= paths
            for records in self.all_records:
                records.recorder = around

    def note(self, paths: Iterable[str]) -> None:
        """Count paths as used in the block that is recorded now, if there is one."""
        if self.models.recorder is not None:
            self.models.recorder.update(paths)

    def _inherit(self, data: dict[str, Any], id: str, file: YamlFile) -> dict[str, Any]:
        """Resolve `base:` of a model. Aliases never descend; the base itself may not have a base."""
        if "base" not in data:
            return data
        base_id = data.pop("base")
        line = file.line_of(("base",))
        if not isinstance(base_id, str) or base_id not in self.models:
            raise InputFaults(
                [
                    Fault(
                        file.path,
                        line,
                        "base",
                        f"no such model {base_id!r}",
                        "name a file of registry/models",
                    )
                ]
            )
        base = YamlFile.read(self.root, self.models.path(base_id))
        if base.faults or not isinstance(base.data, dict):
            raise InputFaults(base.faults or [Fault(base.path, 1, "", "is not a mapping", "write key: value lines")])
        if "base" in base.data:
            raise InputFaults([Fault(file.path, line, "base", f"{base_id} has a base itself", "inherit from its base")])
        self.models.inherited[id] = base.path
        return merge({key: value for key, value in base.data.items() if key != "aliases"}, data)

    @cached_property
    def catalog(self) -> Catalog:
        file = YamlFile.read(self.root, "profiles/catalog.yaml")
        if file.faults:
            raise InputFaults(file.faults)
        from pydantic import ValidationError

        from tool.load.records import faults_of, field_names

        try:
            return Catalog.model_validate(file.data)
        except ValidationError as error:
            raise InputFaults(faults_of(error, file, field_names(Catalog))) from None


def open_repo(root: Path) -> Repo:
    """The repository without reading it: each record is validated when it is first used.

    Raises FtcError for a folder that is no repository.
    """
    if not any((root / marker).is_dir() for marker in MARKERS):
        raise FtcError(f"{root}: is no repository (a folder with registry/ and profiles/)")
    return Repo(root)


def load(root: Path) -> Repo:
    """The whole repository, validated. Raises InputFaults with all faults of all files."""
    repo = Repo(root)
    faults: list[Fault] = []
    for records in repo.all_records:
        faults += records.load_all()
    if faults:
        raise InputFaults(faults)
    return repo
