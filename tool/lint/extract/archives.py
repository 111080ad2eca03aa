"""A folder of wheels and source archives → the Python sources of each release."""

from __future__ import annotations

import ast
import re
import tarfile
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tool.errors import FtcError

_NAME = re.compile(
    r"^(?P<package>[A-Za-z0-9_.]+?(?:-handbook|-swift)?)-(?P<version>\d[\w.]*?)(?:-py.*\.whl|\.tar\.gz)$"
)


@dataclass(frozen=True)
class Release:
    """One release of one package."""

    package: str
    version: str
    path: Path

    @property
    def order(self) -> tuple[int, ...]:
        """Sorts versions by their numbers."""
        return tuple(int(part) for part in re.findall(r"\d+", self.version))

    def sources(self, wanted: re.Pattern[str]) -> dict[str, ast.Module]:
        """The modules whose path in the archive matches, parsed; files that this Python cannot parse are left out."""
        found = {}
        for name, text in self._files(wanted):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    found[name] = ast.parse(text)
                except (SyntaxError, ValueError):
                    continue
        return found

    @property
    def requires(self) -> dict[str, str]:
        """Upper bounds that the release sets on other packages: name → `<5.20.0` or `<=5.6.0`."""
        found = {}
        for text in self.texts(re.compile(r"(\.dist-info/METADATA|/PKG-INFO)$")).values():
            for name, bounds in re.findall(r"^Requires-Dist: ([\w.-]+)\s*\(?([^;\n]*)", text, re.MULTILINE):
                cap = re.search(r"<=?\s*[\d.]+", bounds)
                if cap:
                    found[name.lower()] = cap[0].replace(" ", "")
        return found

    def texts(self, wanted: re.Pattern[str]) -> dict[str, str]:
        """Any files whose path matches."""
        return {name: content.decode("utf-8", "replace") for name, content in self._files(wanted)}

    def _files(self, wanted: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
        if self.path.suffix == ".whl":
            with zipfile.ZipFile(self.path) as archive:
                for name in sorted(archive.namelist()):
                    if wanted.search(name):
                        yield name, archive.read(name)
            return
        with tarfile.open(self.path) as archive:
            for member in sorted(archive.getmembers(), key=lambda item: item.name):
                stream = archive.extractfile(member) if wanted.search(member.name) and member.isfile() else None
                if stream is not None:
                    yield member.name, stream.read()


@dataclass(frozen=True)
class Shelf:
    """All releases of a folder."""

    folder: Path

    @cached_property
    def _releases(self) -> dict[str, list[Release]]:
        found: dict[str, list[Release]] = {}
        for path in sorted(self.folder.iterdir()):
            match = _NAME.match(path.name)
            if match:
                package = match["package"].replace("_", "-").lower()
                found.setdefault(package, []).append(Release(package, match["version"], path))
        return {package: sorted(releases, key=lambda item: item.order) for package, releases in found.items()}

    def releases(self, package: str) -> list[Release]:
        """Releases of a package, oldest first. Raises FtcError when the folder has none."""
        if package not in self._releases:
            raise FtcError(f"{self.folder}: no release of {package}; tool/lint/keys/README.md says how to get them")
        return self._releases[package]
