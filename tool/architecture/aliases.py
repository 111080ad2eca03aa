"""Other names of a model → the model: letter case, declared aliases, and republished copies. Never a guess.

Order: the id itself · the id in another case · a declared alias · a copy by a declared republisher, or by the
model's own publisher, whose name is the model's plus a declared suffix such as `-bnb-4bit` · a bare name without
organisation. Each step answers only where exactly one model fits.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

from tool.errors import Fault, InputFaults
from tool.schema.model import Model

REPUBLISHERS = "registry/republishers.yaml"
_LONGEST_NAME = 200


class Models(Protocol):
    """Records of models by id, each read when it is asked for."""

    def ids(self) -> list[str]: ...
    def path(self, id: str) -> str: ...
    def __contains__(self, id: object) -> bool: ...
    def __getitem__(self, id: str) -> Model: ...


class Registry(Protocol):
    """The part of a repository that names need."""

    @property
    def root(self) -> Path: ...
    @property
    def models(self) -> Models: ...


def resolve(repo: Registry, name: str) -> Model | None:
    """The model that `name` means, or None where the registry has none or more than one could be meant.

    An exact id reads that file only. Raises InputFaults where a file that had to be read is broken.
    """
    if len(name) > _LONGEST_NAME:
        return None
    if name in repo.models:
        return repo.models[name]
    wanted = name.strip().casefold()
    if not wanted:
        return None
    ids = {id.casefold(): id for id in repo.models.ids()}
    found = ids.get(wanted) or _by_alias(repo, wanted) or _by_copy(repo, wanted, ids)
    return repo.models[found] if found else None


def _by_alias(repo: Registry, wanted: str) -> str | None:
    """The one model that declares this alias."""
    return _only(id for id, alias in _aliases(repo, wanted) if alias == wanted)


def _by_copy(repo: Registry, wanted: str, ids: dict[str, str]) -> str | None:
    """A copy under another organisation or with a suffix for its format; or a bare name."""
    organisation, _, base = wanted.rpartition("/")
    republishers, suffixes = _republishers(repo)
    names = _without_suffixes(base, suffixes)
    for name in names:
        if organisation and organisation not in republishers:
            # the publisher's own copy in another format
            found = ids.get(f"{organisation}/{name}")
        else:
            found = _only(_ids_named(repo, name, ids, suffixes))
        if found:
            return found
    return None


def _ids_named(repo: Registry, name: str, ids: dict[str, str], suffixes: tuple[str, ...]) -> list[str]:
    """Ids whose name, or an alias of whose but for its format, is this one under whatever organisation."""
    named = [id for folded, id in ids.items() if folded.rpartition("/")[2] == name]
    if named:
        return named
    pairs = _aliases(repo, name)
    return [id for id, alias in pairs if name in _without_suffixes(alias.rpartition("/")[2], suffixes)]


def _aliases(repo: Registry, part: str) -> list[tuple[str, str]]:
    """(id, folded alias) of every file that contains `part`; other files are not parsed."""
    needle, pairs = part.encode(), []
    for id in repo.models.ids():
        if needle in (repo.root / repo.models.path(id)).read_bytes().lower():
            pairs += [(id, alias.casefold()) for alias in repo.models[id].aliases]
    return pairs


def _republishers(repo: Registry) -> tuple[set[str], tuple[str, ...]]:
    """Organisations that republish under the original name, and the suffixes that name a format (folded)."""
    path = repo.root / REPUBLISHERS
    data = _read(path) if path.is_file() else {}
    if not isinstance(data, dict) or set(data) - {"organisations", "suffixes"}:
        raise _fault("is no mapping of organisations and suffixes", "see the comment in the file")
    lists = [data.get(name) or [] for name in ("organisations", "suffixes")]
    if not all(isinstance(listed, list) and all(isinstance(item, str) for item in listed) for listed in lists):
        raise _fault("organisations and suffixes must be lists of names", "write one name a line")
    organisations, suffixes = ([item.casefold() for item in listed] for listed in lists)
    return set(organisations), tuple(suffixes)


def _read(path: Path) -> Any:
    import yaml

    try:
        return yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise _fault(f"cannot be read: {str(error).splitlines()[0]}", "mend the file") from None


def _fault(message: str, mend: str) -> InputFaults:
    return InputFaults([Fault(REPUBLISHERS, 0, "", message, mend)])


def _without_suffixes(name: str, suffixes: Iterable[str]) -> list[str]:
    """The name as it is, then without one suffix after another."""
    names = [name]
    while shorter := next((name.removesuffix(suffix) for suffix in suffixes if name.endswith(suffix)), ""):
        name = shorter
        names.append(name)
    return names


def _only(found: Iterable[str]) -> str | None:
    """The single element, or None for none or several."""
    distinct = set(found)
    return distinct.pop() if len(distinct) == 1 else None
