"""Many questions at once: in this process, or shared between processes when there are many; always in order."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Iterable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any, BinaryIO, cast

import click

CHUNK = 100
"""Lines that a process answers at a time; a batch of fewer lines is answered in this process."""


def answer_file(root: Path, path: str, log: Path | None, jobs: int | None) -> int:
    """Answer every line of a JSONL file (or `-`) on stdout. Returns exit code 0, or 2 when a line was refused."""
    bad = 0
    with click.open_file(path, "rb") as stream:
        for lines, events, failed in _answered(root, cast(BinaryIO, stream), jobs, log is not None):
            click.echo("".join(lines), nl=False)
            _append(log, events)
            bad += failed
    if bad:
        print(f"{bad} line{'s' if bad != 1 else ''} could not be answered", file=sys.stderr)
    return 2 if bad else 0


def _answered(
    root: Path, stream: BinaryIO, jobs: int | None, logged: bool
) -> Iterator[tuple[list[str], list[str], int]]:
    from tool.cli.batch import lines_of

    chunks = _chunks(lines_of(stream))
    work = partial(answer_lines, root, logged=logged)
    first = list(itertools.islice(chunks, 2))
    jobs = jobs or os.cpu_count() or 1
    if jobs == 1 or len(first) < 2:
        yield from map(work, itertools.chain(first, chunks))
        return
    from concurrent.futures import ProcessPoolExecutor

    work(first[0][:1])  # what every answer needs is loaded before the processes part
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(work, itertools.chain(first, chunks))


def _chunks(lines: Iterable[bytes | None]) -> Iterator[list[bytes | None]]:
    lines = iter(lines)
    while chunk := list(itertools.islice(lines, CHUNK)):
        yield chunk


def answer_lines(root: Path, lines: list[bytes | None], logged: bool) -> tuple[list[str], list[str], int]:
    """(answers, log events, number of refused lines) of some lines, each answer with its newline."""
    from tool.cli.batch import run_batch
    from tool.cli.common import json_line
    from tool.cli.recommend import engine_of, event_line, parse_request
    from tool.recommend import recommend
    from tool.recommend.knowledge import current_knowledge

    repo = _repo(root)
    answers: list[str] = []
    events: list[str] = []

    knowledge = cache(partial(current_knowledge, repo))

    def answer(request: Any) -> dict[str, Any]:
        answered = recommend(repo, request, knowledge(*engine_of(repo, request)))
        if logged:
            events.append(event_line(answered))
        return answered.model_dump(mode="json")

    bad = run_batch(lines, parse_request, answer, lambda line: answers.append(json_line(line) + "\n"))
    return answers, events, bad


_REPOS: dict[Path, Any] = {}


def _repo(root: Path) -> Any:
    """One repository a process, so that a record is read once."""
    from tool.load import open_repo

    if root not in _REPOS:
        _REPOS[root] = open_repo(root)
    return _REPOS[root]


def _append(log: Path | None, events: list[str]) -> None:
    if log is not None and events:
        with log.open("a", encoding="utf-8") as file:
            file.writelines(events)
