"""Form of the files that a change brings: no links, no stand-ins, no names or sizes that trip a reader."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from tool.govern.finding import Finding
from tool.govern.git import LINK, SUBMODULE, Changed
from tool.load.yaml_file import MAX_BYTES

MAX_FILE_BYTES = 32 << 20
_POINTER = b"version https://git-lfs"


def read_tree(
    root: Path, folders: Iterable[str], keep: tuple[str, ...], limit: int = MAX_FILE_BYTES
) -> dict[str, bytes]:
    """Path → bytes of regular files below some folders. Links and files above the limit are left to `form`."""
    files: dict[str, bytes] = {}
    for folder in folders:
        top = root / folder
        if top.is_file() and not top.is_symlink() and top.stat().st_size <= limit:
            files[folder] = top.read_bytes()
        for parent, folders_inside, names in os.walk(top):
            folders_inside.sort()
            for name in sorted(names):
                full = Path(parent) / name
                if name.endswith(keep) and not full.is_symlink() and full.stat().st_size <= limit:
                    files[full.relative_to(root).as_posix()] = full.read_bytes()
    return files


def _content(root: Path, path: str) -> Finding | None:
    """What is wrong with a file's content, whatever it is for."""
    full = root / path
    size = full.stat().st_size
    is_text = path.endswith((".yaml", ".yml"))
    limit = MAX_BYTES if is_text else MAX_FILE_BYTES
    if size > limit:
        return Finding("tree.size", f"has {size:,} bytes, at most {limit:,} are allowed", "split or drop it", path)
    with full.open("rb") as stream:
        head = stream.read(len(_POINTER))
    if head == _POINTER:
        return Finding("tree.pointer", "is a Git LFS pointer in place of the file", "commit the file itself", path)
    if is_text:
        try:
            full.read_bytes().decode("utf-8")
        except UnicodeDecodeError as error:
            return Finding("tree.encoding", f"is not UTF-8 (byte {error.start})", "save it as UTF-8", path)
    return None


def _name(path: str) -> str:
    """What is wrong with a name; empty if nothing."""
    if any(ord(letter) < 32 or letter in '\\:*?"<>|' or 0xD800 <= ord(letter) <= 0xDFFF for letter in path):
        return "has a name that not every system can hold"
    if any(part in ("", ".", "..") or part.lower() == ".git" or part.endswith((" ", ".")) for part in path.split("/")):
        return "has a name that leads elsewhere"
    return ""


def collisions(paths: Iterable[str]) -> list[Finding]:
    """Names, of files or folders, that differ only in the case of their letters."""
    seen: dict[str, str] = {}
    findings = []
    for path in sorted(paths):
        parts = path.split("/")
        for end in range(1, len(parts) + 1):
            name = "/".join(parts[:end])
            twin = seen.setdefault(name.casefold(), name)
            if twin != name:
                findings.append(Finding("tree.case", f"differs from {twin} only in case", "rename it", path))
                break
    return findings


def form(root: Path, changed: Iterable[Changed], paths: Iterable[str]) -> list[Finding]:
    """Check every path that a change adds or alters; `paths` are all paths of the tree."""
    findings = collisions(paths)
    for each in changed:
        if each.status == "D":
            continue
        name = _name(each.path)
        if name:
            findings.append(Finding("tree.name", name, "rename it", each.path))
        elif each.mode == LINK or (root / each.path).is_symlink():
            findings.append(Finding("tree.link", "is a symbolic link", "commit the file itself", each.path))
        elif each.mode == SUBMODULE:
            findings.append(Finding("tree.submodule", "is a submodule", "commit the files themselves", each.path))
        elif (root / each.path).is_file() and (finding := _content(root, each.path)):
            findings.append(finding)
    return findings
