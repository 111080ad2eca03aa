"""The few questions that are put to git. Trees are read as data: no filter, hook or text conversion runs."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tool.errors import BadRequest, FtcError

LINK, SUBMODULE = "120000", "160000"


@dataclass(frozen=True, order=True)
class Changed:
    """One path that differs from a commit. `status` is A, M, D or T, `mode` is git's, of the new side."""

    path: str
    status: str
    mode: str


class Git:
    """One checkout."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def _run(self, *arguments: str, data: bytes | None = None) -> bytes:
        """Run git. Raises FtcError with git's own words."""
        command = ["git", "-c", "core.quotepath=off", "-c", "core.fsmonitor=false", "-C", str(self.root), *arguments]
        environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
        try:
            done = subprocess.run(command, input=data, capture_output=True, check=False, env=environment)
        except FileNotFoundError:
            raise FtcError("git is not installed, and governance needs it") from None
        if done.returncode:
            told = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
            raise FtcError(f"git {arguments[0]}: {told[-1]}")
        return done.stdout

    def commit(self, name: str) -> str:
        """The commit that a branch, tag or digest names. Raises BadRequest."""
        try:
            return (
                self._run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}").decode().strip()
            )
        except FtcError:
            raise BadRequest("base", f"there is no commit {name!r} here", "fetch it, or name another") from None

    def merge_base(self, first: str, second: str) -> str | None:
        """The commit where two lines parted; None for lines that have nothing in common."""
        try:
            return self._run("merge-base", first, second).decode().strip() or None
        except FtcError:
            return None

    def setting(self, name: str) -> str | None:
        """A setting of this checkout."""
        try:
            return self._run("config", "--get", name).decode().strip() or None
        except FtcError:
            return None

    def inside(self, name: str) -> str:
        """Where git keeps a file of that name for this checkout."""
        return self._run("rev-parse", "--git-path", name).decode().strip()

    def commits_touching(self, commit: str, path: str) -> list[str]:
        """Commits up to `commit` that changed something below a path, newest first."""
        return self._run("log", "--format=%H", "--end-of-options", commit, "--", path).decode().split()

    def added_at(self, commit: str, path: str) -> datetime | None:
        """When the line of history up to `commit` got a file: the committer's time of the commit that added it."""
        wanted = ("log", "-1", "--diff-filter=A", "--format=%ct", "--end-of-options", commit, "--", path)
        stamp = self._run(*wanted).decode().strip()
        return datetime.fromtimestamp(int(stamp), UTC) if stamp else None

    def paths(self, commit: str, specs: Iterable[str] = ()) -> dict[str, tuple[str, str]]:
        """Path → (mode, object) of a commit's files; `specs` are folders or files."""
        found = {}
        for line in self._run("ls-tree", "-r", "-z", "--full-tree", commit, "--", *specs).split(b"\0"):
            if line:
                head, path = line.split(b"\t", 1)
                mode, _, name = head.decode().split()
                found[path.decode("utf-8", "surrogateescape")] = (mode, name)
        return found

    def read(self, commit: str, specs: Iterable[str], keep: Iterable[str] = ()) -> dict[str, bytes]:
        """Path → bytes of a commit's regular files below `specs`, in one go; `keep` narrows to endings."""
        endings = tuple(keep)
        listed = [
            (path, name)
            for path, (mode, name) in self.paths(commit, specs).items()
            if mode not in (LINK, SUBMODULE) and (not endings or path.endswith(endings))
        ]
        if not listed:
            return {}
        output = self._run("cat-file", "--batch", data="".join(f"{name}\n" for _, name in listed).encode())
        return dict(_blobs(output, [path for path, _ in listed]))

    def tracked(self) -> list[str]:
        """Every path of the working tree that git tracks or would add."""
        listed = self._run("ls-files", "-z", "--cached", "--others", "--exclude-standard")
        return sorted({path.decode("utf-8", "surrogateescape") for path in listed.split(b"\0") if path})

    def changed(self, commit: str) -> list[Changed]:
        """What differs between a commit and the working tree, files that git does not track yet included."""
        fields = self._run("diff", "--raw", "-z", "--no-renames", "--no-ext-diff", "--no-textconv", commit, "--")
        parts = fields.decode("utf-8", "surrogateescape").split("\0")
        found = []
        for head, path in zip(parts[0::2], parts[1::2], strict=False):
            _, mode, _, _, status = head.split()
            found.append(Changed(path, status[0], mode))
        for name in self._run("ls-files", "-z", "--others", "--exclude-standard").split(b"\0"):
            if name:
                path = name.decode("utf-8", "surrogateescape")
                found.append(Changed(path, "A", _mode(self.root / path)))
        return sorted(set(found))


def _mode(path: Path) -> str:
    return LINK if stat.S_ISLNK(path.lstat().st_mode) else SUBMODULE if path.is_dir() else "100644"


def _blobs(output: bytes, paths: list[str]) -> Iterator[tuple[str, bytes]]:
    """Cut the answer of `git cat-file --batch` into files."""
    start = 0
    for path in paths:
        end = output.index(b"\n", start)
        size = int(output[start:end].split()[2])
        yield path, output[end + 1 : end + 1 + size]
        start = end + 2 + size
