"""`ftc evaluate`: an engine over the golden set, judged by the gates."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from tool.cli.govern_common import clock, formats


@click.command("evaluate")
@click.option("--engine", "version", metavar="VERSION", help="Engine (default: live one, else `deterministic`).")
@click.option("--against", metavar="VERSION", help="Engine to compare with; `production` is the live one.")
@click.option("--base", metavar="REF", help="Commit whose ceilings may not be loosened (default: origin/main or HEAD).")
@click.option("--head", metavar="SHA", help="Commit to name in the markdown comment.")
@click.option("--write", is_flag=True, help="Write evaluation/reports/VERSION/evaluation.json.")
@clock
@formats("text", "json", "markdown", "junit", "sarif")
def command(
    version: str | None,
    against: str | None,
    base: str | None,
    head: str | None,
    write: bool,
    now: datetime,
    root: Path,
    output: str,
) -> int:
    """Score an engine on the golden set, and let the gates of policies/gates judge it.

    \b
    Exit codes: 0 pass · 1 a gate fails, or a waiver is refused · 2 bad input · 3 nothing to evaluate · 4 inconclusive.
    \b
    Example:
      ftc evaluate --engine 2026.11.0 --against production --output markdown
    """
    from evaluation.excuses import excuse, report_bytes
    from evaluation.report import RENDERERS
    from evaluation.run import evaluate
    from evaluation.subject import DETERMINISTIC
    from tool.policy import read_policies
    from tool.recommend.knowledge import production_version

    chosen = version or production_version(root) or DETERMINISTIC
    report = evaluate(root, chosen, against, base)
    excused = excuse(report, read_policies(root), now)
    if write:
        path = root / "evaluation/reports" / chosen / "evaluation.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(report_bytes(report))
    if output == "json":
        click.echo(report_bytes(report).decode(), nl=False)
    else:
        click.echo(RENDERERS[output](report, excused, head), nl=False)
    for line in excused.refused:
        click.echo(f"error: waiver {line}", err=True)
    return excused.exit_code
