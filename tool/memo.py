"""What was made before, and from which inputs: a pure step is redone only when one of them changed.

A record holds the digest of every file that a step read, as it was recorded while it ran, and what came of it. It is
used only while all of these digests, the rules that every step depends on, and the arguments are the same. A record
that is missing, broken or outdated is made again; so the folder may be lost or damaged at any time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tool.files import replace_file
from tool.load import Repo
from tool.load.yaml_file import yaml_paths

TEMPLATE = "template:"
"""Marks an input that lies among the program's templates; a trailing slash marks the list of records of a folder."""


class Memo:
    """Records of one repository. `rules` is the digest of what every step depends on (program, shared facts)."""

    def __init__(self, repo: Repo, folder: Path, rules: str, templates: Path) -> None:
        self.repo, self.folder, self.rules, self.templates = repo, folder, rules, templates
        self._digests: dict[str, str] = {}
        self._asked: set[str] = set()
        self.made_anew: list[str] = []

    def made(self, name: str, make: Callable[[], Any], given: Any = None) -> Any:
        """What `make()` gave for these inputs, as plain data; `given` is what else it depends on, as plain data."""
        found = self.find(name, given)
        if found is None:
            around = set(self._asked)
            with self.repo.recording() as used:
                found = make()
            self.keep(name, found, used, given, self._asked - around)
        return found

    def find(self, name: str, given: Any = None) -> Any:
        """The value under a name, as long as nothing that it was made from has changed; else None."""
        path = self._path(name)
        self._asked.add(path.name)
        try:
            digest, _, body = path.read_bytes().partition(b"\n")
            if hashlib.sha256(body).hexdigest().encode() != digest:
                return None
            record = json.loads(body)
            same = (record["name"], record["rules"], record["given"]) == (name, self.rules, _digest_of(given))
            current = all(self._digest(item) == known for item, known in record["inputs"].items())
            if not same or not current:
                return None
            self.repo.note(record["inputs"])  # whoever is recorded now depends on them as well
            self._asked.update(record["within"])
            return record["value"]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def keep(self, name: str, value: Any, inputs: Iterable[str], given: Any = None, within: Iterable[str] = ()) -> None:
        """Remember a value. A folder that cannot be written costs time and nothing else.

        `within`: records that were asked for on the way, which are not asked for again while this one holds.
        """
        self.made_anew.append(name)
        digests = {item: self._digest(item) for item in sorted(set(inputs))}
        record = {"name": name, "rules": self.rules, "given": _digest_of(given), "inputs": digests, "value": value}
        record["within"] = sorted(within)
        body = json.dumps(record, ensure_ascii=False).encode()  # the order of a value's keys is part of it
        try:
            replace_file(self._path(name), hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
        except OSError:
            return

    def forget(self) -> None:
        """Drop every record."""
        for path in self.folder.glob("*.json"):
            path.unlink(missing_ok=True)

    def sweep(self) -> None:
        """Drop the records that this run did not ask for: they belong to what is no longer made."""
        for path in self.folder.glob("*.json"):
            if path.name not in self._asked:
                path.unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self.folder / f"{hashlib.sha256(name.encode()).hexdigest()[:40]}.json"

    def _digest(self, item: str) -> str:
        if item not in self._digests:
            self._digests[item] = self._read(item)
        return self._digests[item]

    def _read(self, item: str) -> str:
        """Digest of a file's bytes, or of the names in a folder; "absent" where there is none."""
        if item.endswith("/"):
            return hashlib.sha256("\n".join(yaml_paths(self.repo.root, item[:-1])).encode()).hexdigest()
        name = item.removeprefix(TEMPLATE)
        path = self.templates / name if name != item else self.repo.root / item
        try:
            return hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError:
            return "absent"


def remembered(memo: Memo | None, name: str, make: Callable[[], Any], given: Any = None) -> Any:
    """`memo.made`; without a memo the value is simply made."""
    return make() if memo is None else memo.made(name, make, given)


def remembered_files(
    memo: Memo | None, name: str, make: Callable[[], dict[str, bytes]], given: Any = None
) -> dict[str, bytes]:
    """Files of text that `make` gives for these inputs; without a memo they are simply made."""
    if memo is None:
        return make()
    texts = memo.made(name, lambda: {path: content.decode() for path, content in make().items()}, given)
    return {path: text.encode() for path, text in texts.items()}


def _digest_of(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
