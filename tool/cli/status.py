"""`ftc status`: what is live, what comes next, and what blocks it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from tool.cli.common import common_options, print_json
from tool.cli.govern_common import clock


@click.command("status")
@clock
@common_options
def command(now: datetime, root: Path, output: str) -> int:
    """Show what is live and since when, the canary, holds, each engine's next step, and what blocks it."""
    from tool.govern.prepare import open_desk
    from tool.govern.status import status

    shown = status(open_desk(root, now))
    if output == "json":
        print_json(shown)
    else:
        _print(shown)
    return 0


def _print(shown: dict[str, Any]) -> None:
    if shown["generation"] is None:
        click.echo("no engine is live: there is no history yet")
        for version in shown["engines"]:
            click.echo(f"  engine {version}: `ftc promote {version} --genesis --write` starts the history with it")
        return
    live = shown["production"]
    click.echo(f"generation {shown['generation']}")
    click.echo(f"production  {live['version'] or 'nothing'}" + (f" since {live['since']}" if live["since"] else ""))
    if shown["canary"]:
        canary = shown["canary"]
        click.echo(f"canary      {canary['version']} at {canary['fraction'] * 100:.4g} % since {canary['since']}")
    if shown["holds"]:
        click.echo(f"on hold     {', '.join(shown['holds'])}")
    click.echo(f"rollback    {shown['rollback_to'] or 'no version was live before'}")
    for each in shown["next"]:
        click.echo(f"\nnext for {each['version']} ({each['stage']}): {each['command']}")
        for finding in each["blocked_by"]:
            click.echo(f"  blocked: [{finding['id']}] {finding['message']} ({finding['remedy']})")
    for waiver in shown["waivers"]:
        click.echo(f"\nwaiver {waiver['id']} for {waiver['gate']}: {waiver['days_left']} days left")
