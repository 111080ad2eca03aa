"""`ftc telemetry start` and `complete`: events of runs that no generated notebook writes."""

from __future__ import annotations

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from tool.cli.govern_common import clock
from tool.errors import BadRequest

RUNS = click.option(
    "--runs",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="The folder of event files.",
)
OUTCOMES = ["success", "oom", "diverged", "error", "cancelled"]


def _object(name: str, text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise BadRequest(name, "is not JSON", "give one JSON object") from None
    if not isinstance(found, dict):
        raise BadRequest(name, "is no JSON object", "give {...}")
    return found


@click.command("start")
@click.option(
    "--answer", type=click.Path(exists=True, dir_okay=False, allow_dash=True), help="Of `ftc recommend`, JSON."
)
@click.option("--config", default="{}", help="What is really run where it differs from the answer, as JSON.")
@click.option("--gpu", help="The card, as the driver calls it.")
@click.option("--gpus", type=click.IntRange(0, 100_000), help="How many cards (default: 1 with --gpu).")
@click.option("--usable-gib", type=float, help="What the driver shows free on a card (GiB).")
@click.option("--run-id", default="", help="32 hexadecimal digits (default: a new one).")
@RUNS
@clock
def start(
    answer: str | None,
    config: str,
    gpu: str | None,
    gpus: int | None,
    usable_gib: float | None,
    run_id: str,
    runs: Path,
    now: datetime,
) -> int:
    """Write run_start and print the run's id.

    \b
    Example:
      run=$(ftc telemetry start --answer answer.json --gpu "NVIDIA L4" --usable-gib 22.0)
    """
    from tool.telemetry.write import start as write

    answered = _object("--answer", _text(answer)) if answer else {}
    count = gpus if gpus is not None else (1 if gpu else 0)
    hardware = {"gpu": gpu, "count": count, "usable_gib": usable_gib}
    click.echo(write(runs, now, answered, _object("--config", config), hardware, run_id))
    return 0


def _text(path: str) -> str:
    data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest("--answer", "is not UTF-8", "save the answer with --output json") from None


@click.command("complete")
@click.argument("run_id")
@click.option("--outcome", type=click.Choice(OUTCOMES), help="Default: told from --log and --exit-code.")
@click.option(
    "--log", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="The trainer's log; only read."
)
@click.option("--exit-code", type=int, help="What the trainer ended with.")
@click.option("--peak-allocated-gib", type=float, help="Peak of the allocator on the worst card (GiB).")
@click.option("--peak-reserved-gib", type=float, help="Peak that the allocator held (GiB).")
@click.option("--wall-time-seconds", type=float, help="Default: the time since the start.")
@click.option("--tokens-per-second", type=float)
@click.option("--first-loss", type=float)
@click.option("--final-loss", type=float)
@click.option("--steps", type=click.IntRange(min=0), default=0, show_default=True, help="Optimizer steps.")
@RUNS
@clock
def complete(
    run_id: str, outcome: str | None, log: Path | None, exit_code: int | None, runs: Path, now: datetime, **seen: Any
) -> int:
    """Write run_complete for RUN_ID, whose start is in the folder --runs. Out of memory is recognised in the log.

    \b
    Examples:
      ftc telemetry complete "$run" --outcome success --peak-allocated-gib 18.2 --final-loss 1.1 --steps 300
      ftc telemetry complete "$run" --log train.log --exit-code $?
    """
    from tool.telemetry.write import complete as write
    from tool.telemetry.write import outcome_of

    if outcome is None and log is None and exit_code is None:
        raise BadRequest("--outcome", "nothing says how the run ended", "give --outcome, or --log and --exit-code")
    path = write(runs, now, run_id, outcome or outcome_of(log, exit_code), seen)
    click.echo(str(path))
    return 0
