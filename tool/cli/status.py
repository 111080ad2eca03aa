"""`ftc status`: what is live, what comes next, and what blocks it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from tool.cli.common import common_options, print_json
from tool.cli.govern_common import clock


@click.command("status")
@clock
@common_options
def command(now: datetime, root: Path, output: str) -> int:
    """Show on one screen what is live, what the canary changes for whom, evidence, waivers, and the next command.

    \b
    Example:
      ftc status --output json | jq -r '.next[].command'
    """
    from tool.govern.prepare import open_desk
    from tool.govern.status import status
    from tool.govern.status_text import status_text

    shown = status(open_desk(root, now))
    if output == "json":
        print_json(shown)
    else:
        click.echo(status_text(shown), nl=False)
    return 0
