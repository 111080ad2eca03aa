"""Engine files: written with their digests, and read only after every digest was checked."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tool.errors import FtcError
from tool.load.records import read_record
from tool.schema.engine import Engine

ENGINES = "registry/engines"
MANIFEST = "engine.yaml"
SERVED = ("serving", "tables")
LARGEST = 8 << 20  # bytes of one artifact: far above what training writes, far below what would hurt
RETRAIN = "restore the file from git, or train anew with `ftc train`"


def sha256(content: bytes) -> str:
    """Digest in hex."""
    return hashlib.sha256(content).hexdigest()


def read_manifest(root: Path, version: str) -> Engine:
    """engine.yaml of a version. Raises FtcError when there is no such engine, InputFaults when it is broken."""
    if not version or any(mark in version for mark in "/\\") or version.startswith("."):
        raise FtcError(f"engine {version!r} is no version name; see {ENGINES}/")
    path = f"{ENGINES}/{version}/{MANIFEST}"
    if not (root / path).is_file():
        known = sorted(folder.parent.name for folder in (root / ENGINES).glob(f"*/{MANIFEST}"))
        raise FtcError(f"{path}: no such engine (known: {', '.join(known) or 'none'})")
    return read_record(root, path, Engine)


def read_artifact(root: Path, version: str, engine: Engine, role: str) -> bytes:
    """Bytes of one artifact, digest checked. Raises FtcError for a missing, foreign or changed file."""
    if role not in engine.artifacts:
        raise FtcError(f"{ENGINES}/{version}/{MANIFEST}: artifacts.{role}: is missing ({RETRAIN})")
    artifact = engine.artifacts[role]
    place = f"{ENGINES}/{version}/{artifact.path}"
    if PurePosixPath(artifact.path).name != artifact.path:
        raise FtcError(f"{place}: lies outside the engine's folder ({RETRAIN})")
    path = root / place
    if path.is_symlink() or not path.is_file():
        raise FtcError(f"{place}: is missing or no regular file ({RETRAIN})")
    if path.stat().st_size > LARGEST:
        raise FtcError(f"{place}: is larger than {LARGEST >> 20} MiB ({RETRAIN})")
    content = path.read_bytes()
    if sha256(content) != artifact.sha256:
        raise FtcError(f"{place}: its sha256 is not the one in {MANIFEST}: the file was changed ({RETRAIN})")
    return content


def pack_arrays(arrays: dict[str, NDArray[np.generic]]) -> bytes:
    """Arrays as .npz, always the same bytes for the same arrays (numpy writes a fixed date)."""
    stream = io.BytesIO()
    np.savez_compressed(stream, **{name: arrays[name] for name in sorted(arrays)})  # type: ignore[arg-type]
    return stream.getvalue()


def unpack_arrays(content: bytes, place: str) -> dict[str, NDArray[np.generic]]:
    """The arrays of an .npz, never through pickle. Raises FtcError for anything else."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except (OSError, ValueError, KeyError, EOFError) as error:
        raise FtcError(f"{place}: is no archive of plain arrays: {error} ({RETRAIN})") from None
    except Exception as error:  # zipfile.BadZipFile and zlib.error have no common base that says "broken archive"
        raise FtcError(f"{place}: is a broken archive: {error} ({RETRAIN})") from None


def unpack_tables(content: bytes, place: str) -> dict[str, Any]:
    """The engine's tables. Raises FtcError for anything that is no JSON object."""
    try:
        data = json.loads(content)
    except ValueError as error:
        raise FtcError(f"{place}: is not JSON: {error} ({RETRAIN})") from None
    if not isinstance(data, dict):
        raise FtcError(f"{place}: is no JSON object ({RETRAIN})")
    return data


def dump_record(model: Any) -> bytes:
    """A scikit-learn object as skops: the artifact of record, readable without pickle."""
    import zipfile

    from skops.io import dumps

    content: bytes = dumps(model, compression=zipfile.ZIP_DEFLATED, compresslevel=9)
    return content


TRUSTED: tuple[str, ...] = (
    "numpy.dtype",
    "sklearn.ensemble._forest.RandomForestRegressor",
    "sklearn.tree._classes.DecisionTreeRegressor",
    "sklearn.tree._tree.Tree",
)


def load_record(content: bytes) -> Any:
    """A skops record, with the fixed list of trusted types. Raises FtcError for any other type inside."""
    from skops.io import loads
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        return loads(content, trusted=list(TRUSTED))
    except UntrustedTypesFoundException as error:
        raise FtcError(f"an engine record holds types that are not trusted: {error}") from None
