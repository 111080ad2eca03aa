"""`ftc doctor`: what the hosting side still needs for the rules to hold."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import click

from tool.cli.common import common_options, print_json

_MARKS = {"ok": "ok     ", "todo": "to do  ", "unknown": "unknown"}


@click.command("doctor")
@click.option("--write", is_flag=True, help="Write .github/CODEOWNERS anew from policies/owners.yaml.")
@click.option(
    "--live",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The ruleset in force, as `gh api repos/OWNER/REPO/rulesets/ID` prints it.",
)
@common_options
def command(write: bool, live: Path | None, root: Path, output: str) -> int:
    """Check CODEOWNERS, ruleset and workflows, and say what must be seen or set on the hosting side.

    \b
    Exit codes: 0 nothing to do in the checkout · 1 something to do.
    """
    from tool.errors import BadRequest
    from tool.govern.hosting import CODEOWNERS, examine, write_codeowners

    if write and write_codeowners(root):
        click.echo(f"wrote {CODEOWNERS}", err=True)
    try:
        in_force = json.loads(live.read_text(encoding="utf-8")) if live else None
    except ValueError as error:
        raise BadRequest("--live", f"{live} is no JSON: {error}", "export the ruleset again") from None
    if in_force is not None and not isinstance(in_force, dict):
        raise BadRequest("--live", f"{live} is no ruleset", "export one ruleset, not the list")
    checks = examine(root, in_force)
    if output == "json":
        print_json([dataclasses.asdict(check) for check in checks])
    else:
        for check in checks:
            click.echo(
                f"{_MARKS[check.status]}  {check.id}: {check.message}" + (f" ({check.remedy})" if check.remedy else "")
            )
    return 1 if any(check.status == "todo" for check in checks) else 0
