"""`ftc promote`: prepare an engine's next step."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from tool.cli.govern_common import actor_of, finish, step_options


@click.command("promote")
@click.argument("version")
@click.option(
    "--to", type=click.Choice(["staging", "canary", "production", "rejected", "deprecated"]), help="The stage."
)
@click.option("--fraction", type=float, help="With --to canary: the share of keys (default: the first rollout step).")
@click.option("--evidence", metavar="DIGEST", help="The evaluation report to rest on (default: the best there is).")
@click.option("--genesis", is_flag=True, help="Start the history with this engine live; only where there is none.")
@step_options
def command(
    version: str,
    to: str | None,
    fraction: float | None,
    evidence: str | None,
    genesis: bool,
    reason: str | None,
    actor: str | None,
    write: bool,
    generate: bool,
    now: datetime,
    root: Path,
    output: str,
) -> int:
    """Prepare the step of an engine to another stage, as a change of the working tree.

    \b
    Examples:
      ftc promote 2026.11.1 --to staging           show what would happen, and what blocks it
      ftc promote 2026.11.1 --to staging --write   write state and event, regenerate outputs
    """
    from tool.errors import BadRequest
    from tool.govern.prepare import canary_steps, open_desk, prepare, prepare_genesis
    from tool.govern.transition import Request

    desk = open_desk(root, now)
    who = actor_of(root, actor)
    if genesis:
        first = prepare_genesis(desk, version, who, reason or f"Start the history with {version}")
        return finish(root, first, output, write, generate)
    if to is None:
        raise BadRequest("--to", "no stage is named", "staging, canary, production or rejected")
    if to == "canary" and fraction is None:
        fraction = next(iter(canary_steps(desk.yard)), None)
    request = Request(version, to, who, reason or f"Move {version} to {to}", fraction)
    return finish(root, prepare(desk, request, evidence), output, write, generate)
