"""Uploaded archives → event files, without trust: names, sizes, counts and kinds are checked before writing."""

from __future__ import annotations

import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from tool.telemetry.files import SUFFIXES, Refused
from tool.telemetry.limits import Limits

_PIECE = 1 << 16


def unpack(archive: Path, into: Path, limits: Limits) -> tuple[list[str], list[Refused]]:
    """Unpack the event files of one zip archive into `into/<name of the archive>/`.

    Members are renamed 0001.jsonl, 0002.jsonl, …: nothing in the archive decides where a byte goes. Returns the files
    written, and what was refused with its reason. A broken or oversized archive leaves what was read of it before.
    """
    folder = into / archive.stem
    written: list[str] = []
    refused: list[Refused] = []
    room = limits.archive_bytes
    try:
        with zipfile.ZipFile(archive) as opened:
            members = opened.infolist()
            if len(members) > limits.archive_files:
                return [], [Refused(archive.name, f"holds more than {limits.archive_files} files")]
            for number, member in enumerate(members, start=1):
                reason = _against(member)
                if reason:
                    refused.append(Refused(f"{archive.name}/{_shown(member.filename)}", reason))
                    continue
                if member.is_dir():
                    continue
                target = folder / f"{number:04d}{PurePosixPath(member.filename).suffix}"
                room = _copy(opened, member, target, room)
                written.append(target.relative_to(into).as_posix())
                if room < 0:
                    target.unlink()
                    written.pop()
                    return written, [*refused, Refused(archive.name, f"holds more than {limits.archive_bytes} bytes")]
    except (zipfile.BadZipFile, zlib.error, OSError, RuntimeError, ValueError, EOFError) as error:
        refused.append(Refused(archive.name, f"is no readable zip archive: {_shown(str(error))}"))
    return written, refused


def _against(member: zipfile.ZipInfo) -> str | None:
    """Why a member is refused, or None."""
    path = PurePosixPath(member.filename.replace("\\", "/"))
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or special file"
    if path.is_absolute() or ".." in path.parts or ":" in member.filename:
        return "points outside the archive"
    if member.is_dir():
        return None
    if member.flag_bits & 1:
        return "is encrypted"
    return None if path.suffix in SUFFIXES else "is no file of events"


def _copy(opened: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, room: int) -> int:
    """Write one member. Returns the room that is left (bytes), negative once it is used up. Declared sizes lie."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with opened.open(member) as source, target.open("xb") as file:
        while piece := source.read(_PIECE):
            room -= len(piece)
            if room < 0:
                return room
            file.write(piece)
    return room


def _shown(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)[:100]
