"""`ftc rollback`: go back to what worked."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from tool.cli.govern_common import actor_of, finish, step_options


@click.command("rollback")
@click.option("--production", is_flag=True, help="Roll production back even while a canary runs.")
@step_options
def command(
    production: bool,
    reason: str | None,
    actor: str | None,
    write: bool,
    generate: bool,
    now: datetime,
    root: Path,
    output: str,
) -> int:
    """Abort the running canary; without one, make the version that was last live production again.

    \b
    Example:
      ftc rollback --reason "runs go out of memory on T4" --write
    """
    from tool.govern.prepare import open_desk, prepare, rollback_request

    desk = open_desk(root, now)
    request = rollback_request(desk, actor_of(root, actor), reason, production)
    return finish(root, prepare(desk, request), output, write, generate)
