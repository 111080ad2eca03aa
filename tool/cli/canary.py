"""`ftc canary`: change the share of keys that the canary answers."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from tool.cli.common import common_options, print_json
from tool.cli.govern_common import actor_of, clock, finish, step_options


@click.group("canary")
def command() -> None:
    """Let a new engine answer a share of the keys, and see how it does."""


@command.command("set")
@click.argument("fraction", type=float)
@click.option("--evidence", metavar="DIGEST", help="The evaluation report to rest on (default: the best there is).")
@step_options
def set_fraction(
    fraction: float,
    evidence: str | None,
    reason: str | None,
    actor: str | None,
    write: bool,
    generate: bool,
    now: datetime,
    root: Path,
    output: str,
) -> int:
    """Prepare another FRACTION for the running canary: up one step of the rollout rules, or down as far as you like.

    \b
    Example:
      ftc canary set 0.05 --write
    """
    from tool.errors import BadRequest
    from tool.govern.prepare import open_desk, prepare
    from tool.govern.transition import Request

    if not 0 <= fraction < 1:
        raise BadRequest("FRACTION", f"{fraction:g} is no share of keys below 1", "for all keys, promote to production")
    desk = open_desk(root, now)
    canary = desk.ledger().state.canary
    if canary is None:
        raise BadRequest("canary", "no canary runs", "start one with `ftc promote VERSION --to canary`")
    text = reason or f"Move the canary from {canary.fraction:g} to {fraction:g}"
    request = Request(canary.version, "canary", actor_of(root, actor), text, fraction)
    return finish(root, prepare(desk, request, evidence), output, write, generate)


@command.command("verdict")
@click.option(
    "--telemetry",
    "store",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".telemetry"),
    show_default=True,
    help="The folder of the store.",
)
@click.option("--write", is_flag=True, help="Write the report that the rules for the next step rest on.")
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Also write the report to this file.")
@clock
@common_options
def verdict(store: Path, write: bool, report: Path | None, now: datetime, root: Path, output: str) -> int:
    """Say whether the running canary does as well as production: healthy, unhealthy or inconclusive, with each number.

    The evidence is anytime-valid, so asking every day causes no false alarm. Missing is never healthy.

    \b
    Example:
      ftc canary verdict --telemetry .telemetry --write

    Exit codes: 0 healthy · 1 unhealthy · 2 no canary or no store · 4 inconclusive.
    """
    from tool.rollout.report import canary_report, report_bytes, report_text, write_report

    found = canary_report(root, store, now)
    written = [write_report(root, found)] if write else []
    if report:
        report.write_bytes(report_bytes(found))
    if output == "json":
        print_json({**found.model_dump(mode="json"), "written": written})
    else:
        click.echo(report_text(found), nl=False)
        for path in written:
            click.echo(f"wrote {path}")
    return {"healthy": 0, "unhealthy": 1}.get(found.verdict, 4)
