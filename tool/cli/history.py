"""`ftc history`: every step, who took it, why, and on what evidence."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from tool.cli.common import print_json
from tool.cli.govern_common import formats


@click.command("history")
@formats("text", "json", "markdown")
def command(root: Path, output: str) -> int:
    """Show the history of engines, newest first (JSON: oldest first)."""
    from tool.govern.history import markdown, rows, text
    from tool.govern.prepare import open_desk

    desk = open_desk(root, datetime.now(UTC))
    desk.ledger()
    found = rows(desk.history) if desk.history else []
    if output == "json":
        print_json(found)
    else:
        click.echo(markdown(found) if output == "markdown" else text(found), nl=False)
    return 0
