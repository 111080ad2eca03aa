"""What the subcommands of `ftc deps` share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tool.cli.common import print_json

if TYPE_CHECKING:
    from tool.schema.dependency import Stack


def stacks(root: Path, ids: tuple[str, ...]) -> list[Stack]:
    """The stacks that were named, or all."""
    from tool.load import open_repo

    repo = open_repo(root)
    return [repo.stacks.find(id, "stack") for id in ids] if ids else list(repo.stacks)


def print_moved(packages: dict[str, tuple[str, str]]) -> None:
    """One line for each package whose version moved."""
    for name, (old, new) in packages.items():
        click.echo(f"  {name}: {old or 'absent'} -> {new or 'absent'}")


def print_moves(report: dict[str, dict[str, Any]], output: str) -> None:
    """What moved or would move in each stack, and which known clash the newer versions meet."""
    if output == "json":
        print_json(report)
        return
    for id, found in report.items():
        state = "written" if found["written"] else "would change" if found["changed"] else "unchanged"
        click.echo(f"{id}: {state}")
        print_moved(found["moved"])
        for clash in found.get("clashes", ()):
            click.echo(f"  mind {clash}: this known clash applies to the newer versions")
