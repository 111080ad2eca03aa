"""What was made before, and from which inputs: a pure step is redone only when one of them changed.

A record holds the digest of every file that a step read, as it was recorded while it ran, and what came of it. It is
used only while all of these digests, the rules that every step depends on, and the arguments are the same. A record
that is missing, broken or outdated is made again; so the folder may be lost or damaged at any time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tool.load import Repo
from tool.load.yaml_file import yaml_paths

TEMPLATE = "template:"
"""Marks an input that lies among the program's templates; a trailing slash marks the list of records of a folder."""


@dataclass(frozen=True)
class Known:
    """What came of a step: plain data, and files as they are written (path → bytes)."""

    value: Any = None
    files: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class _Record:
    """What came of a step, with the digest of what was given, the inputs, and the records asked for on the way."""

    given: str
    inputs: tuple[str, ...]
    within: tuple[str, ...]
    known: Known


class Memo:
    """Records of one repository. `rules` is the digest of what every step depends on (program, shared facts)."""

    def __init__(self, repo: Repo, folder: Path, rules: str, templates: Path) -> None:
        self.repo, self.folder, self.rules, self.templates = repo, folder, rules, templates
        self._digests: dict[str, str] = {}
        self._asked: set[str] = set()
        self._records: dict[str, _Record] = {}
        self.made_anew: list[str] = []

    def made(self, name: str, make: Callable[[], Known], given: Any = None) -> Known:
        """What `make()` gave for these inputs; `given` is what else it depends on, as plain data."""
        found = self.find(name, given)
        if found is None:
            around, self._asked = self._asked, set()
            try:
                with self.repo.recording() as used:
                    found = make()
                self.keep(name, found, used, given, self._asked)
            finally:
                self._asked |= around
        return found

    def find(self, name: str, given: Any = None) -> Known | None:
        """What is kept under a name, as long as nothing that it was made from has changed; else None."""
        self._asked.add(self._path(name).name)
        told = digest_of(given)
        record = self._records.get(name)
        if record is None or record.given != told:
            record = self._load(name, told)
        if record is None:
            return None
        self._records[name] = record
        self.repo.note(record.inputs)  # whoever is recorded now depends on them as well
        self._asked.update(record.within)
        return record.known

    def keep(
        self, name: str, known: Known, inputs: Iterable[str], given: Any = None, within: Iterable[str] = ()
    ) -> None:
        """Remember what was made. A folder that cannot be written costs time and nothing else.

        `within`: records that were asked for on the way, which are not asked for again while this one holds.
        """
        self.made_anew.append(name)
        record = _Record(digest_of(given), tuple(sorted(set(inputs))), tuple(sorted(within)), known)
        self._records[name] = record
        digests = {item: self._digest(item) for item in record.inputs}
        sizes = [[path, len(content)] for path, content in known.files.items()]
        head = {"name": name, "rules": self.rules, "given": record.given, "inputs": digests, "within": record.within}
        text = json.dumps({**head, "value": known.value, "files": sizes}, ensure_ascii=False)  # keys keep their order
        body = b"\n".join([text.encode(), b"".join(known.files.values())])
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            # written in place: a record that is cut short does not fit its digest, and is made again
            self._path(name).write_bytes(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
        except OSError:
            return

    def _load(self, name: str, given: str) -> _Record | None:
        try:
            digest, _, body = self._path(name).read_bytes().partition(b"\n")
            if hashlib.sha256(body).hexdigest().encode() != digest:
                return None
            text, _, content = body.partition(b"\n")
            head = json.loads(text)
            same = (head["name"], head["rules"], head["given"]) == (name, self.rules, given)
            if not same or any(self._digest(item) != known for item, known in head["inputs"].items()):
                return None
            known = Known(head["value"], _parts(content, head["files"]))
            return _Record(given, tuple(head["inputs"]), tuple(head["within"]), known)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def forget(self) -> None:
        """Drop every record."""
        self._records.clear()
        for path in self.folder.glob("*.made"):
            path.unlink(missing_ok=True)

    def sweep(self) -> None:
        """Drop the records that this run did not ask for: they belong to what is no longer made."""
        for path in self.folder.glob("*.made"):
            if path.name not in self._asked:
                path.unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self.folder / f"{hashlib.sha256(name.encode()).hexdigest()[:40]}.made"

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
    """Plain data that `make` gives for these inputs; without a memo it is simply made."""
    return make() if memo is None else memo.made(name, lambda: Known(make()), given).value


def remembered_files(
    memo: Memo | None, name: str, make: Callable[[], dict[str, bytes]], given: Any = None
) -> dict[str, bytes]:
    """Files that `make` gives for these inputs; without a memo they are simply made."""
    return make() if memo is None else memo.made(name, lambda: Known(files=make()), given).files


def _parts(content: bytes, sizes: Iterable[tuple[str, int]]) -> dict[str, bytes]:
    """The files that lie one after the other in `content`."""
    files, start = {}, 0
    for path, size in sizes:
        files[path] = content[start : start + size]
        start += size
    return files


def digest_of(value: Any) -> str:
    """SHA-256 of plain data."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
