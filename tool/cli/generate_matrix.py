"""`ftc generate --matrix`: every combination, to Parquet or JSON Lines."""

from __future__ import annotations

from pathlib import Path

import click

from tool.cli.common import print_json, progress
from tool.errors import BadRequest

SHOWN = 20
LONGEST = 1_048_576
"""Tokens; longer than any model takes."""


def run_matrix(
    root: Path, out: Path, form: str, lengths: str | None, *, shard: str | None, jobs: int, backend: str, output: str
) -> int:
    """Bring the parts under `out` up to date and say what was done."""
    from tool.generate.matrix import axes_of, write_matrix
    from tool.generate.matrix.axes import LENGTHS
    from tool.generate.shards import shard_of
    from tool.load import load

    share = shard_of(shard) if shard else None
    axes = axes_of(load(root), lengths_of(lengths) if lengths else LENGTHS)
    models = len(axes.models) if share is None else len(axes.models) // share.count
    with progress(None, "pricing", length=models) as bar:
        done = write_matrix(
            load(root), axes, out, form, jobs=jobs, backend=backend, shard=share, tick=lambda n: bar.update(n)
        )
    if output == "json":
        print_json({**vars(done), "out": str(out)})
        return 0
    made = done.parts - done.current
    click.echo(f"{done.rows:,} recommendations in {done.parts} parts: {made} made, {done.current} current")
    if not done.complete:
        click.echo("put the other shards into the same folder and run this without --shard: it writes the manifest")
    return 0


def check_parts(root: Path, out: Path, form: str, lengths: str | None, output: str) -> int:
    """Say whether `out` holds the whole matrix, each row once; exit code 1 where it does not."""
    from tool.generate.matrix import axes_of, check_matrix
    from tool.generate.matrix.axes import LENGTHS
    from tool.load import load

    repo = load(root)
    axes = axes_of(repo, lengths_of(lengths) if lengths else LENGTHS)
    with progress(None, "comparing", length=len(axes.models)) as bar:
        found = check_matrix(repo, axes, out, form, lambda n: bar.update(n))
    if output == "json":
        print_json({**vars(found), "out": str(out)})
    elif not found.problems:
        click.echo(f"{out} is whole: {found.rows:,} recommendations in {found.parts} parts, each once")
    else:
        click.echo("\n".join(found.problems[:SHOWN]))
        if len(found.problems) > SHOWN:
            click.echo(f"and {len(found.problems) - SHOWN} more")
        click.echo("the matrix is not whole: run the shards that are missing, or run this without --check", err=True)
    return 1 if found.problems else 0


def lengths_of(text: str) -> tuple[int, ...]:
    """ "1024,4096" → tokens, ascending. Raises BadRequest."""
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdecimal() and 8 <= int(word) <= LONGEST for word in words):
        raise BadRequest("lengths", f"{text[:60]!r} are no lengths", f"write tokens from 8 to {LONGEST}: 1024,4096")
    return tuple(sorted({int(word) for word in words}))
