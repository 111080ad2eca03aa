"""Wheels for a local index: real packages under another version, tiny ones, and ones that break on import."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from pathlib import Path

VERSION = "99.0"
BROKEN = 'raise ImportError("planted")\n'


def pack(folder: Path, name: str, files: dict[str, bytes], version: str = VERSION) -> None:
    """Write `name`-`version`-py3-none-any.whl with these files into the folder."""
    info = f"{name}-{version}.dist-info"
    files = files | {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: planted\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [f"{path},sha256={_digest(data)},{len(data)}" for path, data in sorted(files.items())]
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""]).encode()
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        for path, data in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(path, (2026, 1, 1, 0, 0, 0)), data)


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def renamed(folder: Path, name: str, environment: Path, more: str = "") -> None:
    """The package as it is installed in an environment, as version 99.0, with `more` code that its import runs."""
    (packages,) = environment.glob("lib/python*/site-packages")
    found = [path for path in (packages / name).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    files = {path.relative_to(packages).as_posix(): path.read_bytes() for path in found}
    if more:
        files[f"{name}/__init__.py"] += more.encode()
    pack(folder, name, files)


def broken(folder: Path, name: str) -> None:
    """A package that cannot be imported."""
    pack(folder, name, {f"{name}/__init__.py": BROKEN.encode()})
