"""An engine's files: named by engine.yaml, bound by digest, and of forms that load without running anything."""

from __future__ import annotations

import io
import json
import re
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from tool.govern.finding import Finding
from tool.govern.store import ENGINES, engine_path, read_engine
from tool.govern.tree import MAX_FILE_BYTES
from tool.policy.digests import sha256
from tool.schema.engine import Engine

_PICKLE = re.compile(rb"\A\x80[\x02-\x05]")
_PICKLE_NAME = re.compile(r"\.(pkl|pickle|joblib|pt|pth|bin)$|(^|/)data\.pkl$", re.IGNORECASE)
MAX_UNPACKED = 256 << 20


def _numpy(data: bytes) -> str:
    """What is wrong with an .npy file: arrays that hold Python objects can only be loaded with pickle."""
    from numpy.lib import format as npy

    stream = io.BytesIO(data)
    try:
        version = npy.read_magic(stream)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        _, _, kind = read(stream)
    except (ValueError, SyntaxError, EOFError) as error:
        return f"is no NumPy array: {str(error)[:100]}"
    return "holds pickled objects" if kind.hasobject else ""


def _zip(data: bytes) -> str:
    """What is wrong with an archive (.npz, .skops)."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        entries = archive.infolist()
        if sum(entry.file_size for entry in entries) > MAX_UNPACKED:
            return "unpacks to more than 256 MiB"
        for entry in entries:
            if entry.filename.startswith("/") or ".." in entry.filename.split("/"):
                return f"holds {entry.filename!r}, which leads elsewhere"
            content = archive.read(entry)
            if _PICKLE_NAME.search(entry.filename) or _PICKLE.match(content):
                return f"holds a pickle ({entry.filename})"
            if entry.filename.endswith(".npy") and (problem := _numpy(content)):
                return f"{problem} ({entry.filename})"
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError) as error:
        return f"is no readable archive: {error}"
    return ""


def _json(data: bytes) -> str:
    try:
        json.loads(data)
    except (ValueError, RecursionError) as error:
        return f"is no JSON: {str(error)[:100]}"
    return ""


def _json_lines(data: bytes) -> str:
    problems = (problem for line in data.splitlines() if line.strip() and (problem := _json(line)))
    return next(problems, "")


def _text(data: bytes) -> str:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return "is not UTF-8"
    return ""


FORMS: dict[str, Callable[[bytes], str]] = {
    ".npz": _zip,
    ".skops": _zip,
    ".npy": _numpy,
    ".json": _json,
    ".jsonl": _json_lines,
    ".yaml": _text,
    ".csv": _text,
    ".txt": _text,
}


def content_problem(path: str, data: bytes) -> str:
    """What is wrong with an artifact's bytes; empty if nothing."""
    if _PICKLE.match(data) or _PICKLE_NAME.search(path):
        return "is a pickle, which can run anything when it is loaded"
    check = FORMS.get(Path(path).suffix)
    return check(data) if check else f"is of a form that engines do not have; use one of {', '.join(sorted(FORMS))}"


def _path_problem(path: str) -> str:
    parts = path.split("/")
    if path.startswith("/") or "\\" in path or any(part in ("", ".", "..") for part in parts):
        return f"path {path!r} leads out of the engine's folder"
    return ""


def _check_artifact(root: Path, version: str, role: str, engine: Engine) -> Finding | None:
    artifact = engine.artifacts[role]
    folder = root / ENGINES / version
    where = engine_path(version)
    if problem := _path_problem(artifact.path):
        return Finding("engine.path", f"{role}: {problem}", "name a file inside the engine's folder", where)
    full, path = folder / artifact.path, f"{ENGINES}/{version}/{artifact.path}"
    if any(part.is_symlink() for part in (full, *full.parents) if part.is_relative_to(folder)):
        return Finding("engine.link", f"{role} is reached through a link", "commit the file itself", path)
    if not full.is_file():
        return Finding("engine.missing", f"the file of {role} is not there", "commit it", path)
    if full.stat().st_size > MAX_FILE_BYTES:
        return Finding("engine.size", f"{role} is larger than {MAX_FILE_BYTES >> 20} MiB", "make it smaller", path)
    data = full.read_bytes()
    if problem := content_problem(artifact.path, data):
        return Finding("engine.content", f"{role} {problem}", "let `ftc train` write it", path)
    if sha256(data) != artifact.sha256:
        return Finding("engine.digest", f"{role} is not the file that engine.yaml names", "restore it", path)
    return None


def check_engine(root: Path, version: str) -> list[Finding]:
    """Everything that can be wrong with one engine's folder."""
    path = engine_path(version)
    full = root / path
    if full.is_symlink() or not full.is_file():
        told = f"there is no engine {version}"
        return [Finding("engine.unknown", told, "name a folder of registry/engines", path)]
    engine = read_engine({path: full.read_bytes()}, version)
    if isinstance(engine, Finding):
        return [engine]
    checked = [_check_artifact(root, version, role, engine) for role in sorted(engine.artifacts)]
    findings = [finding for finding in checked if finding]
    named = {artifact.path for artifact in engine.artifacts.values()} | {"engine.yaml"}
    for each in sorted((root / ENGINES / version).rglob("*")):
        inside = each.relative_to(root / ENGINES / version).as_posix()
        if not each.is_dir() and inside not in named:
            told = "is no artifact that engine.yaml names"
            findings.append(Finding("engine.extra", told, "remove it", f"{ENGINES}/{version}/{inside}"))
    return findings
