"""`ftc telemetry report`, `metrics` and `aggregate`: what the runs of a store say."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from tool.cli.common import print_json
from tool.cli.govern_common import clock, formats

STORE = click.option(
    "--store",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".telemetry"),
    show_default=True,
    help="The folder of the store.",
)


def _summary(root: Path, store: Path, now: datetime) -> tuple[Any, Any]:
    from tool.load import open_repo
    from tool.telemetry.forecast import Forecaster
    from tool.telemetry.limits import read_limits
    from tool.telemetry.runs import open_ledger
    from tool.telemetry.store import open_store
    from tool.telemetry.summary import summarise

    repo = open_repo(root)
    with open_store(store) as opened:
        ledger = open_ledger(repo, opened, now, read_limits(root).lost_after_hours)
        return summarise(ledger, Forecaster(repo)), opened.totals()


@click.command("report")
@STORE
@click.option("--plots", type=click.Path(file_okay=False, path_type=Path), help="Write plots (SVG) into this folder.")
@clock
@formats("text", "json", "markdown")
def report(store: Path, plots: Path | None, now: datetime, root: Path, output: str) -> int:
    """Runs, outcomes, OOM rate, predicted against measured peak and loss, by slot, engine, card, model and adapter.

    Exit codes: 0 told · 3 the store holds no run.
    """
    from tool.telemetry import report as forms

    summary, totals = _summary(root, store, now)
    if plots is not None:
        plots.mkdir(parents=True, exist_ok=True)
        for name, text in forms.plots(summary).items():
            (plots / name).write_text(text, encoding="utf-8")
    if output == "json":
        print_json({**summary.plain(), "totals": dict(vars(totals))})
    elif output == "markdown":
        click.echo(forms.markdown_report(summary, plots is not None), nl=False)
    else:
        click.echo(forms.text_report(summary), nl=False)
    return 0 if summary.whole.outcomes or summary.answers else 3


@click.command("metrics")
@STORE
@click.option("--file", type=click.Path(dir_okay=False, path_type=Path), help="Write here (default: print).")
@clock
@formats("text")
def metrics(store: Path, file: Path | None, now: datetime, root: Path, output: str) -> int:
    """The same figures in the text format of Prometheus, for a textfile collector."""
    from tool.telemetry.metrics import prometheus

    summary, totals = _summary(root, store, now)
    text = prometheus(summary, totals)
    if file is None:
        click.echo(text, nl=False)
        return 0
    temporary = file.with_name(f".{file.name}.new")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(file)
    return 0


@click.command("aggregate")
@STORE
@click.option("--file", type=click.Path(dir_okay=False, path_type=Path), required=True, help=".json or .parquet.")
@clock
@formats("text")
def aggregate(store: Path, file: Path, now: datetime, root: Path, output: str) -> int:
    """Write the aggregates, which may be committed; raw events are not. Parquet needs the extra `telemetry`."""
    import json

    summary, _ = _summary(root, store, now)
    plain = summary.plain()
    if file.suffix == ".parquet":
        from tool.telemetry.parquet import write_parquet

        rows = [{"group": name, "name": row[name], **row} for name, table in plain["by"].items() for row in table]
        keep = [{key: value for key, value in row.items() if key not in plain["by"]} for row in rows]
        write_parquet(file, keep)
    else:
        file.write_text(json.dumps(plain, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    click.echo(str(file))
    return 0
