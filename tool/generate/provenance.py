"""Which inputs an output was made from: digests of the very bytes, no clock and no machine."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tool import __version__

SHORT = 16


class Digests:
    """SHA-256 of files below a root, each read once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known: dict[str, str] = {}

    def of(self, path: str) -> str:
        """First 16 hexadecimal digits of the file's SHA-256."""
        if path not in self._known:
            self._known[path] = hashlib.sha256((self.root / path).read_bytes()).hexdigest()[:SHORT]
        return self._known[path]

    def of_folder(self, folder: str) -> str:
        """One digest over the names and bytes of all files of a folder, in sorted order."""
        if folder not in self._known:
            total = hashlib.sha256()
            for file in sorted((self.root / folder).rglob("*")):
                if file.is_file() and "__pycache__" not in file.parts:
                    total.update(f"{file.relative_to(self.root).as_posix()}\0".encode())
                    total.update(hashlib.sha256(file.read_bytes()).digest())
            self._known[folder] = total.hexdigest()[:SHORT]
        return self._known[folder]

    def provenance(self, paths: set[str], folders: tuple[str, ...] = ()) -> dict[str, object]:
        """The header of one output: tool version and the digest of each input."""
        sources = {path: self.of(path) for path in sorted(paths) if (self.root / path).is_file()}
        sources |= {folder: self.of_folder(folder) for folder in folders if (self.root / folder).is_dir()}
        return {"tool_version": __version__, "sources": dict(sorted(sources.items()))}
