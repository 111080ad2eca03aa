"""`ftc verify`: judge a change with the base's rules, and replay the whole history."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from tool.cli.common import print_json
from tool.cli.govern_common import clock, formats


@click.command("verify")
@click.option("--base", required=True, metavar="REF", help="The commit that the change is to be merged into.")
@click.option(
    "--recomputed",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The report that evaluating the engine again has just given; the evidence must equal it.",
)
@click.option(
    "--recomputed-health",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The verdict that the telemetry itself has just given; it is judged, and the committed one must follow.",
)
@click.option("--page", type=click.Path(dir_okay=False, path_type=Path), help="Also write the review page here.")
@clock
@formats("text", "json", "markdown")
def command(
    base: str,
    recomputed: Path | None,
    recomputed_health: Path | None,
    page: Path | None,
    now: datetime,
    root: Path,
    output: str,
) -> int:
    """Judge the tree's changes: the policies, golden set and history of REF decide, never the change's own.

    \b
    Exit codes: 0 passes · 1 blocked · 2 bad usage · 4 inconclusive · 5 the base moved: prepare the step again.
    \b
    Example:
      ftc verify --base origin/main
    """
    from tool.govern.verify import verify
    from tool.govern.verify_state import Recomputed

    given = [path.read_bytes() if path else None for path in (recomputed, recomputed_health)]
    verdict = verify(root, base, now, Recomputed(*given))
    if page or output == "markdown":
        from tool.govern.page import review_page
        from tool.govern.prepare import open_desk

        text = review_page(open_desk(root, now), verdict)
        if page:
            page.write_text(text, encoding="utf-8")
    if output == "json":
        print_json(
            {
                "base": verdict.base,
                "changed": verdict.changed,
                "evidence": [{"version": version, "digest": digest} for version, digest in verdict.evidence],
                "exit_code": verdict.exit_code,
                "findings": [finding.plain() for finding in verdict.findings],
                "generation": verdict.generation,
                "moves": list(verdict.moves),
                "rests_on_health": [step.event.version for step in verdict.steps if step.rests_on_health],
                "waivers": [{"id": each.id, "gate": each.gate, "days_left": left} for each, left in verdict.waivers],
            }
        )
    elif output == "markdown":
        click.echo(text, nl=False)
    else:
        for finding in verdict.findings:
            click.echo(f"blocked: {finding}", err=True)
        state = "no state" if verdict.generation is None else f"generation {verdict.generation}"
        moves = ", ".join(verdict.moves) or "state unchanged"
        word = "passes" if not verdict.findings else f"{len(verdict.findings)} findings"
        click.echo(f"{word}: {verdict.changed} paths changed, {state}, {moves}")
    return verdict.exit_code
