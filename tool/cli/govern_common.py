"""What the governance commands share: the clock, the actor, other formats, and how a prepared step is shown."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from tool.cli.common import common_options, print_json
from tool.errors import BadRequest

F = TypeVar("F", bound=Callable[..., Any])


def formats(*choices: str) -> Callable[[F], F]:
    """`--root` and `--output` with other formats than text and json."""

    def decorate(command: F) -> F:
        decorated = common_options(command)
        for parameter in decorated.__click_params__:  # type: ignore[attr-defined]
            if parameter.name == "output":
                parameter.type = click.Choice(choices)
        return decorated

    return decorate


def _moment(context: click.Context, parameter: click.Parameter, value: str | None) -> datetime:
    from tool.schema.state import parse_time

    if value is None:
        return datetime.now(UTC).replace(microsecond=0)
    try:
        return parse_time(value)
    except ValueError:
        raise BadRequest("--now", f"{value!r} is no time", "write it as 2026-11-20T00:00:00Z") from None


def clock(command: F) -> F:
    """Add --now, so that a run can be repeated to the byte; FTC_NOW gives it to every command of a rehearsal."""
    told = "The time in UTC (default: $FTC_NOW, else the clock)."
    return click.option("--now", envvar="FTC_NOW", callback=_moment, metavar="TIME", help=told)(command)


def step_options(command: F) -> F:
    """Options of every command that prepares a step."""
    for option in (
        click.option("--generate/--no-generate", default=True, help="With --write: regenerate what depends on it."),
        click.option("--write", is_flag=True, help="Write the step; without it, only show what would happen."),
        click.option("--actor", help="Who takes the step (default: $GITHUB_ACTOR, or git's user.name)."),
        click.option("--reason", help="Why, in a sentence; it stays in the history."),
    ):
        command = option(command)
    return clock(common_options(command))


def actor_of(root: Path, actor: str | None) -> str:
    """The name that goes into the history. Raises BadRequest when nobody is named."""
    from tool.govern.git import Git

    name = actor or os.environ.get("GITHUB_ACTOR") or Git(root).setting("user.name")
    if not name:
        raise BadRequest("--actor", "nobody is named", "name yourself, or set git's user.name")
    return name


def show_findings(findings: Sequence[Any], output: str, extra: dict[str, Any]) -> int:
    """Print why something is blocked; return the exit code."""
    from tool.govern.finding import exit_code

    if output == "json":
        print_json({**extra, "findings": [finding.plain() for finding in findings], "exit_code": exit_code(findings)})
    else:
        for finding in findings:
            click.echo(f"blocked: {finding}", err=True)
    return exit_code(findings)


def finish(root: Path, outcome: Any, output: str, write: bool, generate: bool) -> int:
    """Show a prepared step, or why there is none; write it when asked to. Returns the exit code."""
    from tool.govern.prepare import (
        branch_name,
        commit_message,
        next_commands,
        step_files,
        title,
        write_message,
        write_step,
    )

    if isinstance(outcome, list):
        return show_findings(outcome, output, {"written": []})
    written = write_step(root, outcome) if write else []
    if write:
        write_message(root, outcome)
    regenerated = _regenerate(root) if write and generate else None
    message = commit_message(outcome)
    if output == "json":
        print_json(
            {
                "title": title(outcome.move, outcome.event),
                "move": outcome.move,
                "generation": outcome.state.generation,
                "state": outcome.state.model_dump(mode="json"),
                "event": outcome.event.model_dump(mode="json", by_alias=True),
                "written": written,
                "regenerated": regenerated,
                "branch": branch_name(outcome),
                "commit_message": message,
                "next": next_commands(root, outcome),
                "findings": [],
            }
        )
        return 0
    click.echo(f"{title(outcome.move, outcome.event)} (generation {outcome.state.generation})")
    for path in sorted(step_files(outcome)):
        click.echo(f"  {'wrote' if write else 'would write'} {path}")
    if regenerated is not None:
        click.echo(f"  regenerated generated/: {regenerated} files differ")
    click.echo("\nCommit message:\n")
    click.echo("\n".join(f"    {line}".rstrip() for line in message.splitlines()))
    click.echo("\nNext:" if write else "\nNothing was written; add --write. Then:")
    for line in next_commands(root, outcome):
        click.echo(f"    {line}")
    return 0


def _regenerate(root: Path) -> int:
    """Regenerate outputs; the number of files written or removed."""
    from tool.generate import plan, write
    from tool.load import load

    difference = write(root, plan(load(root)))
    return len(difference.changed) + len(difference.missing) + len(difference.extra)
