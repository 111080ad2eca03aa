"""A stand-in for `gh`: answers `gh api` from a folder of files, and keeps what `gh pr create` was told."""

from __future__ import annotations

import json
import sys
from pathlib import Path

PROGRAM = """#!{python}
import json, pathlib, shutil, sys
folder = pathlib.Path({folder!r})
arguments = sys.argv[1:]
if arguments[:2] == ["pr", "create"]:
    given = dict(zip(arguments[2::2], arguments[3::2]))
    given["body"] = pathlib.Path(given["--body-file"]).read_text()
    (folder / "pull_request.json").write_text(json.dumps(given))
elif arguments[:1] == ["api"]:
    path = arguments[1].split("?")[0]
    if "page=" in arguments[1] and "&page=1" not in arguments[1]:
        sys.exit("asked for a page that is not there")
    file = folder / path.replace("/", "_")
    if not file.is_file():
        sys.exit("HTTP 404: Not Found (" + path + ")")
    with file.open("rb") as stream:
        shutil.copyfileobj(stream, sys.stdout.buffer)
else:
    sys.exit("unknown command")
"""


def install(folder: Path) -> Path:
    """Write the program to `folder/bin/gh`; answers go to `folder/answers`. Returns the folder for PATH."""
    (folder / "bin").mkdir(parents=True)
    (folder / "answers").mkdir()
    program = folder / "bin/gh"
    program.write_text(PROGRAM.format(python=sys.executable, folder=str(folder / "answers")))
    program.chmod(0o755)
    return folder / "bin"


def answer(folder: Path, path: str, data: object) -> None:
    """Let `gh api path` answer with bytes or JSON."""
    content = data if isinstance(data, bytes) else json.dumps(data).encode()
    (folder / "answers" / path.replace("/", "_")).write_bytes(content)
