"""`ftc hold`: keep an engine where it is."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from tool.cli.govern_common import actor_of, finish, step_options


@click.command("hold")
@click.argument("version", required=False)
@click.option("--release", is_flag=True, help="Lift the hold.")
@step_options
def command(
    version: str | None,
    release: bool,
    reason: str | None,
    actor: str | None,
    write: bool,
    generate: bool,
    now: datetime,
    root: Path,
    output: str,
) -> int:
    """Hold VERSION (default: the canary, else production): it may not advance, and a held production not be replaced.

    \b
    Examples:
      ftc hold 2026.11.1 --reason "waiting for the audit" --write
      ftc hold 2026.11.1 --release --write
    """
    from tool.errors import BadRequest
    from tool.govern.prepare import open_desk, prepare
    from tool.govern.transition import Request

    desk = open_desk(root, now)
    state = desk.ledger().state
    subject = version or (state.canary.version if state.canary else state.production)
    if subject is None:
        raise BadRequest("VERSION", "nothing is live or in canary", "name the engine to hold")
    text = reason or (f"Release the hold on {subject}" if release else f"Hold {subject}")
    request = Request(subject, "unhold" if release else "hold", actor_of(root, actor), text)
    return finish(root, prepare(desk, request), output, write, generate)
