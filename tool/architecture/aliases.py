"""Other names of a model → the model: letter case, declared aliases, and republished copies. Never a guess.

Order: the id itself · the id in another case · a declared alias · a copy by a declared republisher, or by the
model's own publisher, whose name is the model's plus a declared suffix such as `-bnb-4bit` · a bare name without
organisation. Each step answers only where exactly one model fits.
"""

from __future__ import annotations

from collections.abc import Iterable

from tool.errors import InputFaults
from tool.load.repo import Repo
from tool.load.yaml_file import YamlFile
from tool.schema.model import Model

REPUBLISHERS = "registry/republishers.yaml"
_LONGEST_NAME = 200


def resolve(repo: Repo, name: str) -> Model | None:
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


def _by_alias(repo: Repo, wanted: str) -> str | None:
    """The one model that declares this alias."""
    return _only(id for id, alias in _aliases(repo, wanted) if alias == wanted)


def _by_copy(repo: Repo, wanted: str, ids: dict[str, str]) -> str | None:
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


def _ids_named(repo: Repo, name: str, ids: dict[str, str], suffixes: tuple[str, ...]) -> list[str]:
    """Ids whose name, or an alias of whose but for its format, is this one under whatever organisation."""
    named = [id for folded, id in ids.items() if folded.rpartition("/")[2] == name]
    if named:
        return named
    pairs = _aliases(repo, name)
    return [id for id, alias in pairs if name in _without_suffixes(alias.rpartition("/")[2], suffixes)]


def _aliases(repo: Repo, part: str) -> list[tuple[str, str]]:
    """(id, folded alias) of every file that contains `part`; other files are not parsed."""
    needle, pairs = part.encode(), []
    for id in repo.models.ids():
        path = repo.models.path(id)
        if needle not in (repo.root / path).read_bytes().lower():
            continue
        file = YamlFile.read(repo.root, path)
        if file.faults:
            raise InputFaults(file.faults)
        listed = file.data.get("aliases") if isinstance(file.data, dict) else None
        pairs += [(id, alias.casefold()) for alias in listed or () if isinstance(alias, str)]
    return pairs


def _republishers(repo: Repo) -> tuple[set[str], tuple[str, ...]]:
    """Organisations that republish under the original name, and the suffixes that name a format (folded)."""
    if not (repo.root / REPUBLISHERS).is_file():
        return set(), ()
    file = YamlFile.read(repo.root, REPUBLISHERS)
    if file.faults:
        raise InputFaults(file.faults)
    data = file.data if isinstance(file.data, dict) else {}
    organisations = {str(item).casefold() for item in data.get("organisations") or ()}
    return organisations, tuple(str(item).casefold() for item in data.get("suffixes") or ())


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
