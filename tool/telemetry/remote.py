"""Events at a URL (s3://…, gs://…, https://…, file://…), through fsspec: an extra, named in the error if missing.

One machine reads one prefix. Past one machine, each takes a prefix of its own and a store of its own: runs are known by
their id, so what two prefixes hold twice counts once wherever it is put together.
"""

from __future__ import annotations

import importlib
import re
from pathlib import Path, PurePosixPath
from typing import Any

from tool.errors import BadRequest, FtcError
from tool.telemetry.files import SUFFIXES

_PIECE = 1 << 20


def is_url(text: str) -> bool:
    """Whether a path names a place that fsspec opens."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", text) is not None


def _fsspec() -> Any:
    try:
        return importlib.import_module("fsspec.core")
    except ImportError:
        raise FtcError("URLs need fsspec: pip install 'open-finetune-config[telemetry]'") from None


def fetch(url: str, into: Path) -> list[str]:
    """Copy the event files at or below a URL into a folder, below their names there. Returns these names, sorted.

    Raises BadRequest for a URL that nothing can open or that holds nothing, FtcError for what breaks on the way.
    """
    core = _fsspec()
    try:
        system, root = core.url_to_fs(url)
        found = sorted(system.find(root)) if not system.isfile(root) else [root]
        names = {}
        for path in found:
            below = path[len(root) :].strip("/") or PurePosixPath(path).name
            if PurePosixPath(path).suffix in SUFFIXES and ".." not in PurePosixPath(below).parts:
                names[below] = path
        for below, path in sorted(names.items()):
            _copy(system, path, into / below)
    except (ValueError, ImportError) as error:
        raise BadRequest("PATH", f"{url}: {str(error)[:200]}", "name a URL that fsspec opens, or a path") from None
    except OSError as error:
        raise FtcError(f"{url}: cannot be read: {str(error)[:200]}") from None
    if not found:
        raise BadRequest("PATH", f"{url} holds no file", "name a folder or file of events")
    return sorted(names)


def _copy(system: Any, path: str, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with system.open(path, "rb") as source, target.open("wb") as file:
        while piece := source.read(_PIECE):
            file.write(piece)
