"""`ftc telemetry`: events of runs in, reports out."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from tool.cli.common import common_options, print_json
from tool.cli.govern_common import clock
from tool.cli.telemetry_report import STORE, aggregate, metrics, report
from tool.cli.telemetry_runs import complete, start
from tool.errors import BadRequest


@click.group("telemetry")
def command() -> None:
    """Gather what became of runs, lose nothing, and tell it."""


@command.command("ingest")
@click.argument("path")
@STORE
@click.option("--source", help="Whose events these are (default: the folder or file right below PATH).")
@clock
@common_options
def ingest(path: str, store: Path, source: str | None, now: datetime, root: Path, output: str) -> int:
    """Read the events at or below PATH, a file, folder or URL (.jsonl, .json, .parquet), into the store.

    Each record is accepted, a duplicate, or quarantined with its reason; the three always add up to those received. An
    ingest that was killed goes on where it ended when it is started again.

    \b
    Examples:
      ftc telemetry ingest runs/ --store .telemetry
      ftc telemetry ingest runs/0f3c.jsonl --store .telemetry --source laboratory --output json
      ftc telemetry ingest s3://bucket/events/2026-11-24 --store .telemetry

    Parquet and URLs need the extra `telemetry` (pyarrow, fsspec). Past one machine, give each a prefix and a store.

    Exit codes: 0 all is accounted for · 2 PATH cannot be read · 3 PATH holds no file of events.
    """
    from tool.telemetry.ingest import ingest as read_in
    from tool.telemetry.limits import read_limits
    from tool.telemetry.store import open_store

    limits = read_limits(root)
    with _local(path) as place, open_store(store, write=True) as opened:
        bar = click.progressbar(length=0, label="reading", file=sys.stderr, hidden=not sys.stderr.isatty())
        with bar:
            done = read_in(place, opened, limits, now, source, lambda count: _advance(bar, count))
        if output == "json":
            _print_ingested(done, opened)
        else:
            _tell_ingested(done, opened)
    return 0 if done.files else 3


@contextmanager
def _local(path: str) -> Iterator[Path]:
    """Where the files are: the path itself, or a folder that a URL's files were copied to for as long as it is read."""
    from tool.telemetry.remote import fetch, is_url

    if not is_url(path):
        if not Path(path).exists():
            raise BadRequest("PATH", f"{path} does not exist", "name a file or folder of events, or a URL")
        yield Path(path)
        return
    with tempfile.TemporaryDirectory(prefix="ftc-events-") as folder:
        fetch(path, Path(folder))
        yield Path(folder)


def _advance(bar: Any, count: int) -> None:
    bar.length += count
    bar.update(count)


def _print_ingested(done: Any, store: Any) -> None:
    """One JSON document, written piece by piece: the quarantine may be long."""
    counts = done.counts
    out = sys.stdout
    out.write(f'{{\n  "accepted": {counts.accepted},\n  "duplicates": {counts.duplicates},\n')
    out.write(f'  "files": {len(done.files)},\n  "quarantine": [')
    separator = "\n    "
    for item in done.quarantine(store):
        out.write(separator + json.dumps(item, sort_keys=True, ensure_ascii=False))
        separator = ",\n    "
    out.write("],\n" if separator == "\n    " else "\n  ],\n")
    out.write(f'  "quarantined": {counts.quarantined},\n  "received": {counts.received},\n')
    refused = [{"file": item.file, "reason": item.reason} for item in done.refused]
    out.write(f'  "refused": {json.dumps(refused, sort_keys=True, ensure_ascii=False)}\n}}\n')


def _tell_ingested(done: Any, store: Any) -> None:
    counts = done.counts
    click.echo(f"{counts.received} received from {len(done.files)} files = {counts.accepted} accepted", nl=False)
    click.echo(f" + {counts.duplicates} duplicates + {counts.quarantined} quarantined")
    for number, item in enumerate(done.quarantine(store)):
        if number == 20:
            click.echo(f"  and {counts.quarantined - 20} more (all with --output json)")
            break
        click.echo(f"  {item['file']}:{item['line']}: {item['reason']}")
    for refused in done.refused:
        click.echo(f"  {refused.file}: not read, {refused.reason}")
    if not done.files:
        click.echo("no file of events there (.jsonl, .json or .parquet)", err=True)


@command.command("unpack")
@click.argument("archives", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--into", type=click.Path(file_okay=False, path_type=Path), required=True, help="An empty folder.")
@common_options
def unpack(archives: tuple[Path, ...], into: Path, root: Path, output: str) -> int:
    """Unpack uploaded ARCHIVES (zip) without trust: names, kinds, counts and sizes are bounded; a bad one is told.

    Exit codes: 0 all is accounted for · 2 INTO is not empty.
    """
    from tool.telemetry.limits import read_limits
    from tool.telemetry.unpack import unpack as open_archive

    if into.is_dir() and any(into.iterdir()):
        raise BadRequest("--into", f"{into} is not empty", "name a new folder")
    limits, written, refused = read_limits(root), [], []
    for archive in archives:
        files, bad = open_archive(archive, into, limits)
        written += files
        refused += [{"file": item.file, "reason": item.reason} for item in bad]
    if output == "json":
        print_json({"files": written, "refused": refused})
        return 0
    click.echo(f"{len(written)} files unpacked, {len(refused)} refused")
    for item in refused:
        click.echo(f"  {item['file']}: {item['reason']}")
    return 0


@command.command("gather")
@click.option("--repository", required=True, help="OWNER/NAME.")
@click.option(
    "--workflow", required=True, help="File name of the workflow whose artifacts hold events, e.g. train.yml."
)
@click.option("--branch", default="main", show_default=True)
@click.option("--into", type=click.Path(file_okay=False, path_type=Path), required=True, help="An empty folder.")
@clock
@common_options
def gather(repository: str, workflow: str, branch: str, into: Path, now: datetime, root: Path, output: str) -> int:
    """Download the `telemetry-…` artifacts of a workflow, and unpack them without trust.

    Only completed runs on BRANCH of this very repository count, never those of forks or pull requests. The token is
    read from $GH_TOKEN.

    \b
    Example:
      export GH_TOKEN=$(gh auth token)
      ftc telemetry gather --repository acme/models --workflow train.yml --into "$RUNNER_TEMP/events"
    """
    from tool.telemetry.gather import gather as fetch
    from tool.telemetry.limits import read_limits

    if into.is_dir() and any(into.iterdir()):
        raise BadRequest("--into", f"{into} is not empty", "name a new folder")
    into.mkdir(parents=True, exist_ok=True)
    done = fetch(repository, workflow, branch, into, read_limits(root), now)
    refused = [{"file": item.file, "reason": item.reason} for item in done.refused]
    if output == "json":
        print_json({"artifacts": done.artifacts, "files": done.files, "refused": refused})
        return 0
    click.echo(f"{len(done.files)} files from {done.artifacts} artifacts, {len(refused)} refused")
    for item in refused:
        click.echo(f"  {item['file']}: {item['reason']}")
    return 0


for _member in (start, complete, report, metrics, aggregate):
    command.add_command(_member)
