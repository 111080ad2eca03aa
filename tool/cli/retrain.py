"""`ftc retrain`: decide by policy, fit a candidate, and write its pull request. It never promotes."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from tool.cli.common import common_options, print_json
from tool.cli.govern_common import clock
from tool.cli.telemetry_report import STORE


@click.group("retrain")
def command() -> None:
    """Decide whether telemetry asks for a new engine, and fit the candidate."""


def _read(root: Path, store: Path, now: datetime, gather: bool) -> tuple[Any, Any, Any]:
    """The decision; with `gather` also the evidence and the aggregates."""
    from tool.load import open_repo
    from tool.retrain.decision import decide
    from tool.retrain.evidence import gather as gather_evidence
    from tool.retrain.signals import last_training, read_signals
    from tool.telemetry.forecast import Forecaster
    from tool.telemetry.limits import read_limits
    from tool.telemetry.runs import open_ledger
    from tool.telemetry.store import open_store
    from tool.telemetry.summary import summarise

    repo, limits = open_repo(root), read_limits(root)
    forecaster = Forecaster(repo)
    with open_store(store) as opened:
        ledger = open_ledger(repo, opened, now, limits.lost_after_hours)
        since = last_training(root, limits)
        decision = decide(root, read_signals(opened, ledger, forecaster, limits, since, now), now)
        if not gather:
            return decision, None, None
        evidence = gather_evidence(ledger, forecaster, limits)
        return decision, evidence, {**summarise(ledger, forecaster).plain(), **decision.grounds()}


@command.command("check")
@STORE
@clock
@common_options
def check(store: Path, now: datetime, root: Path, output: str) -> int:
    """Say whether to retrain, each number behind the decision, and what would trigger it.

    \b
    Example:
      ftc retrain check --store .telemetry

    Exit codes: 0 decided (retrain or wait) · 2 no store · 3 the store is empty · 4 data for the decision are missing.
    """
    decision, _, _ = _read(root, store, now, gather=False)
    if output == "json":
        print_json(decision.plain())
    else:
        click.echo(decision.text(), nl=False)
    if not decision.numbers.get("accepted"):
        return 3
    return 4 if decision.undecided else 0


@command.command("run")
@STORE
@click.option("--version", "version", help="The candidate's version (default: the next free one of this month).")
@click.option("--even-so", is_flag=True, help="Train although the policies say to wait.")
@click.option("--write", is_flag=True, help="Write the candidate, its facts and its evaluation.")
@click.option("--body", type=click.Path(dir_okay=False, path_type=Path), help="Write the pull request's text here.")
@clock
@common_options
def run(
    store: Path,
    version: str | None,
    even_so: bool,
    write: bool,
    body: Path | None,
    now: datetime,
    root: Path,
    output: str,
) -> int:
    """Fit a candidate engine to recipes and telemetry, judge it by the gates, and write it with its pull request.

    A candidate that fails a hard gate is written as rejected. Nothing is ever promoted here.

    \b
    Examples:
      ftc retrain run --store .telemetry                      what would be trained, and on what
      ftc retrain run --store .telemetry --write --body pr.md

    Exit codes: 0 done, or nothing to do · 1 the candidate failed the gates · 4 its gates did not decide.
    """
    from tool.retrain import candidate as candidates
    from tool.retrain.body import body as text_of
    from tool.retrain.body import title
    from tool.retrain.verdict import Judged, judge, reject

    decision, evidence, aggregates = _read(root, store, now, gather=True)
    if decision.action == "wait" and not even_so:
        _say({**decision.plain(), "written": []}, decision.text() + "nothing was trained\n", output)
        return 0
    built = candidates.build(root, version or candidates.next_version(root, now), evidence, aggregates, now)
    judged, written = Judged("not evaluated: nothing was written", (), None, None), []
    if write:
        written = candidates.write(root, built)
        judged = judge(root, built.version)
        if judged.verdict == "fail":
            reason = f"Hard gates failed: {', '.join(judged.failures) or 'see the report'}"[:500]
            reject(root, built.version, reason, f"{now:%Y-%m-%dT%H:%M:%SZ}")
    text = text_of(decision, evidence, built, judged)
    if body is not None:
        body.write_text(text, encoding="utf-8")
    told = {"version": built.version, "title": title(built, judged), "verdict": judged.verdict, "written": written}
    _say(
        {**decision.plain(), **told, "held": built.taught.held, "largest_step": built.taught.step}, text + "\n", output
    )
    return 1 if judged.verdict == "fail" else 4 if judged.verdict == "inconclusive" else 0


def _say(value: dict[str, Any], text: str, output: str) -> None:
    if output == "json":
        print_json(value)
    else:
        click.echo(text, nl=False)
