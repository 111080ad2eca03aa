"""`ftc train`: fit a candidate engine to the repository's recipes and sweeps."""

from __future__ import annotations

from pathlib import Path

import click

from tool.cli.common import common_options, print_json


@click.command("train")
@click.argument("version")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=20261124, show_default=True, help="Random seed.")
@click.option("--write", is_flag=True, help="Write registry/engines/VERSION/ (default: only show what would be).")
@common_options
def command(version: str, seed: int, write: bool, root: Path, output: str) -> None:
    """Fit a candidate engine VERSION (for example 2026.11.0); the same inputs and seed give the same answers."""
    from pydantic import TypeAdapter, ValidationError

    from tool.errors import BadRequest
    from tool.learn.train import train, write_engine
    from tool.load import open_repo
    from tool.schema.engine import Version

    try:
        TypeAdapter(Version).validate_python(version)
    except ValidationError:
        mend = "use letters, digits, dots and dashes, for example 2026.11.0"
        raise BadRequest("version", f"{version!r} is no version", mend) from None
    files = train(open_repo(root), seed)
    sizes = {name: len(content) for name, content in sorted(files.items())}
    written = write_engine(root, version, files) if write else []
    if output == "json":
        print_json({"version": version, "seed": seed, "bytes": sizes, "written": written})
        return
    for name, size in sizes.items():
        click.echo(f"{name:24s} {size:>9,d} bytes")
    click.echo(f"{'total':24s} {sum(sizes.values()):>9,d} bytes")
    click.echo(f"wrote registry/engines/{version}/" if write else "nothing was written; add --write")
