"""`ftc diff`: which recommendations a change moves, and by how much."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tool.cli.common import common_options, jobs_option, print_json, progress


@click.command("diff")
@click.option("--base", required=True, help="A git revision, e.g. origin/main.")
@jobs_option
@common_options
def command(base: str, jobs: int, root: Path, output: str) -> int:
    """Show which catalogue recommendations move between BASE and the working tree: before and after.

    Exit codes: 0 nothing moves · 1 something moves · 2 no such revision.

    \b
    Example:
      ftc diff --base origin/main
    """
    from tool.generate.diff import base_recommendations, moved, planned_recommendations
    from tool.generate.entries import entries
    from tool.load import load

    before = base_recommendations(root, base)
    repo = load(root)
    with progress(None, "answering", length=len(entries(repo))) as bar:
        after = planned_recommendations(repo, jobs, bar.update)
    moves = moved(before, after)
    if output == "json":
        print_json({"base": base, "compared": len(set(before) | set(after)), "moved": moves})
    else:
        _print(moves, len(set(before) | set(after)))
    return 1 if moves else 0


def _print(moves: list[dict[str, Any]], compared: int) -> None:
    click.echo(f"{len(moves)} of {compared} recommendations move")
    for move in moves:
        click.echo(f"\n{move['change']}: {move['entry']}")
        for field, (old, new) in move["fields"].items():
            click.echo(f"  {field}: {_shown(old)} → {_shown(new)}")


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "none" if value is None else str(value)
