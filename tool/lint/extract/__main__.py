"""Write the key lists: `python -m tool.lint.extract FOLDER-OF-ARCHIVES [PACKAGE...]`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tool.errors import FtcError
from tool.lint.extract.archives import Shelf
from tool.lint.extract.classes import Kind
from tool.lint.extract.packages import PACKAGES, Groups, Package

TARGET = Path(__file__).parent.parent / "keys"


def document(package: Package, shelf: Shelf) -> dict[str, Any]:
    """One list: for each key its kind in the last release that has it, and the releases between which it is known."""
    releases = [release for name in package.series for release in shelf.releases(name)]
    read = [(release.version, package.read(release)) for release in releases]
    read = [(version, groups) for version, groups in read if any(groups.values())]
    versions = [version for version, _ in read]
    listed = {package.name for package in PACKAGES}
    names = sorted({name for _, groups in read for name in groups})
    return {
        "package": package.series[-1],
        "extracted": package.extracted,
        "versions": versions,
        "requires": {name: cap for name, cap in sorted(releases[-1].requires.items()) if name in listed},
        "groups": {name: _group(name, read) for name in names},
    }


def _group(name: str, read: list[tuple[str, Groups]]) -> dict[str, Any]:
    entries: dict[str, Any] = {}
    for key in sorted({key for _, groups in read for key in groups.get(name, ())}):
        present = [version for version, groups in read if key in groups.get(name, ())]
        entry: dict[str, Any] = {
            "kind": "|".join(_kind([groups[name][key] for _, groups in read if key in groups.get(name, ())]))
        }
        if present[0] != read[0][0]:
            entry["since"] = present[0]
        if present[-1] != read[-1][0]:
            entry["until"] = present[-1]
        entries[key] = entry
    return entries


def _kind(kinds: list[Kind]) -> Kind:
    """The kind of the last release, and the choices of all: a word that was taken once is of another release."""
    choices = {kind for release in kinds for kind in release if kind.startswith("=")}
    last = kinds[-1]
    return tuple(sorted({*last, *choices})) if any(kind.startswith("=") for kind in last) else last


def text(found: dict[str, Any]) -> str:
    """JSON with one key a line, so that a new release shows as a short difference."""
    head = {key: value for key, value in found.items() if key != "groups"}
    lines = [f" {json.dumps(key)}: {json.dumps(value)}," for key, value in head.items()]
    groups = []
    for name, entries in found["groups"].items():
        body = ",\n".join(f"   {json.dumps(key)}: {json.dumps(entry)}" for key, entry in entries.items())
        groups.append(f"  {json.dumps(name)}: {{\n{body}\n  }}")
    return "{\n" + "\n".join(lines) + '\n "groups": {\n' + ",\n".join(groups) + "\n }\n}\n"


def main(arguments: list[str]) -> int:
    """Exit code 2 for a folder that lacks a package."""
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    shelf, wanted = Shelf(Path(arguments[0])), set(arguments[1:])
    for package in PACKAGES:
        if wanted and package.name not in wanted:
            continue
        try:
            found = document(package, shelf)
        except FtcError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        (TARGET / f"{package.name}.json").write_text(text(found), encoding="utf-8")
        count = sum(len(entries) for entries in found["groups"].values())
        print(f"{package.name}: {count} keys of {len(found['versions'])} releases")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
