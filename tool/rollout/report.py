"""The health report of a running canary: from a store and a tree to the record that the rules judge."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import tool
from tool.errors import BadRequest
from tool.govern.evidence import best_report, engine_digest_of, health_path
from tool.govern.prepare import Desk, open_desk
from tool.load import open_repo
from tool.policy.digests import canonical_json
from tool.rollout.parameters import read_parameters
from tool.rollout.streams import read_streams
from tool.rollout.verdict import compare, overall
from tool.schema.evidence import HealthReport
from tool.schema.state import TIME_FORMAT, State
from tool.telemetry.limits import read_limits
from tool.telemetry.runs import open_ledger
from tool.telemetry.store import open_store


def canary_report(root: Path, store: Path, now: datetime) -> HealthReport:
    """What telemetry says of the running canary at its present step.

    Raises BadRequest where no canary runs or nothing is live beside it, FtcError for a store that is none.
    """
    desk = open_desk(root, now)
    state = desk.ledger().state
    if state.canary is None:
        raise BadRequest("canary", "no canary runs", "start one with `ftc promote VERSION --to canary`")
    if state.production is None:
        raise BadRequest("canary", "there is no production engine to compare with", "promote one first")
    return _report(desk, state, store)


def _report(desk: Desk, state: State, store: Path) -> HealthReport:
    assert state.canary is not None and state.production is not None
    parameters, version = read_parameters(desk.yard.policies), state.canary.version
    repo, limits = open_repo(desk.root), read_limits(desk.root)
    with open_store(store) as opened:
        ledger = open_ledger(repo, opened, desk.now, limits.lost_after_hours)
        streams = read_streams(opened, ledger, state, desk.now)
    digest = engine_digest_of(desk.files, version)
    if digest is None:
        raise BadRequest("canary", f"the engine {version} cannot be read", "mend its engine.yaml")
    comparisons = compare(streams, state.canary.fraction, parameters, desk.now)
    return HealthReport(
        format="ftc-health/1",
        engine=version,
        engine_digest=digest,
        production=state.production,
        generation=state.generation,
        fraction=state.canary.fraction,
        evaluation_digest=best_report(desk.files, version, desk.yard, state.production),
        telemetry_digest=streams.digest(),
        policies_digest=desk.yard.policy_digest,
        tool_version=tool.__version__,
        runs_production=len(streams.production),
        runs_canary=len(streams.canary),
        at=desk.now.strftime(TIME_FORMAT),
        verdict=overall(comparisons, parameters),
        comparisons=comparisons,
    )


def report_bytes(report: HealthReport) -> bytes:
    """The one byte form of a report."""
    return canonical_json(report.model_dump(mode="json"))


def write_report(root: Path, report: HealthReport) -> str:
    """Write the report where governance looks for it; its path relative to root."""
    path = health_path(report.engine, report.generation)
    full = root / path
    full.parent.mkdir(parents=True, exist_ok=True)
    temporary = full.with_name(f".{full.name}.{os.getpid()}")
    temporary.write_bytes(report_bytes(report))
    temporary.replace(full)
    return path


def report_text(report: HealthReport) -> str:
    """The verdict first, then each number."""
    lines = [
        f"{report.verdict}: canary {report.engine} at {report.fraction:g} beside production {report.production}",
        "",
        f"{'':12}{'production':>12}{'canary':>12}{'evidence':>12}{'threshold':>12}  status",
    ]
    for each in report.comparisons:
        cells = (each.production, each.canary, each.evidence, each.threshold)
        shown = "".join(f"{'–' if value is None else format(value, '.4g'):>12}" for value in cells)
        lines.append(f"{each.id:12}{shown}  {each.status} ({each.message})")
    return "\n".join(lines) + "\n"
