"""What the subcommands of `ftc deps` share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

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
