"""Reports as evidence: found by digest, held against the engine, golden set and gates of now."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from tool.govern.finding import Finding
from tool.govern.judge import SECONDS_PER_HOUR
from tool.govern.store import read_engine
from tool.govern.yardstick import NO_FILE, Yardstick
from tool.policy.digests import canonical_json, engine_digest, sha256
from tool.policy.variables import Evidence, Health
from tool.policy.waivers import covers
from tool.schema.engine import Engine
from tool.schema.evidence import EvaluationReport, HealthReport
from tool.schema.state import parse_time

R = TypeVar("R", bound=BaseModel)
REPORTS = "evaluation/reports"
_AGAIN = "let `ftc evaluate` write the report, and commit it as it is"
Files = Mapping[str, bytes]


def report_paths(files: Files, version: str | None = None) -> list[str]:
    """Reports of one engine, or of all; health reports included."""
    start = f"{REPORTS}/{version}/" if version else f"{REPORTS}/"
    return sorted(path for path in files if path.startswith(start) and path.endswith(".json"))


def health_path(version: str, generation: int) -> str:
    """Where `ftc canary verdict` writes its report on the canary of a generation."""
    return f"{REPORTS}/{version}/health-{generation:04d}.json"


def parse_report(path: str, data: bytes, record: type[R]) -> R | Finding:
    """One report, in canonical bytes."""
    try:
        plain = json.loads(data)
        report = record.model_validate(plain)
        canonical = canonical_json(plain) == data
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        return Finding("evidence.unreadable", f"{field}: {first['msg']}", _AGAIN, path)
    except (ValueError, RecursionError) as error:
        return Finding("evidence.unreadable", f"is no JSON report: {str(error)[:200]}", _AGAIN, path)
    return report if canonical else Finding("evidence.bytes", "is not in the canonical byte form", _AGAIN, path)


def find_report(files: Files, digest: str) -> EvaluationReport | Finding:
    """The evaluation report of a digest, wherever it lies."""
    for path in report_paths(files):
        if sha256(files[path]) == digest:
            return parse_report(path, files[path], EvaluationReport)
    return Finding("evidence.missing", f"no report under {REPORTS} has the digest {digest[:12]}…", _AGAIN)


def engine_digest_of(files: Files, version: str) -> str | None:
    """An engine's digest; None for one that is not there or unreadable."""
    engine = read_engine(files, version)
    return engine_digest(engine) if isinstance(engine, Engine) else None


@dataclass(frozen=True)
class _Sorted:
    """Gates by what became of them."""

    hard: tuple[str, ...]
    soft: tuple[str, ...]
    undecided: tuple[str, ...]
    unjudged: tuple[str, ...]
    waived: tuple[str, ...]


def _sort_gates(report: EvaluationReport, digest: str, yard: Yardstick, now: datetime) -> _Sorted:
    """Each gate that the rules name, at the level that the rules give it. Silence is `unjudged`, never a pass."""
    statuses = {gate.id: gate.status for gate in report.gates}
    groups: dict[str, list[str]] = {"hard": [], "soft": [], "undecided": [], "unjudged": [], "waived": []}
    for gate, level in sorted(yard.gates.items()):
        status = statuses.get(gate) or ("skip" if statuses.get(gate.split("/")[0]) == "skip" else None)
        if status is None:
            groups["unjudged"].append(gate)
        elif status in ("pass", "skip") or level == "advisory":
            continue
        elif level == "soft" and any(covers(waiver, gate, digest, now) for waiver in yard.waivers):
            groups["waived"].append(gate)
        else:
            groups["undecided" if status == "inconclusive" else level].append(gate)
    if not yard.gates:
        groups["unjudged"].append("policies/gates holds no gate")
    return _Sorted(**{name: tuple(gates) for name, gates in groups.items()})


def evidence_view(report: EvaluationReport, digest: str, files: Files, yard: Yardstick, now: datetime) -> Evidence:
    """A report as policies see it, beside the digests of now."""
    gates = _sort_gates(report, digest, yard, now)
    return Evidence(
        engine=report.engine,
        engine_digest=report.engine_digest,
        engine_digest_now=engine_digest_of(files, report.engine),
        golden_digest=report.golden_digest,
        golden_digest_now=yard.golden_digest,
        ceilings_digest=report.ceilings_digest or NO_FILE,
        ceilings_digest_now=yard.ceilings_digest,
        gates_digest=report.policies_digest,
        gates_digest_now=yard.gates_digest,
        against=report.against,
        verdict=report.verdict,
        hard_failures=list(gates.hard),
        soft_failures=list(gates.soft),
        undecided=list(gates.undecided),
        unjudged=list(gates.unjudged),
        waived=list(gates.waived),
    )


def _health_of(report: HealthReport, files: Files, now: datetime) -> Health:
    """A verdict as policies see it."""
    age = (now - parse_time(report.at)).total_seconds() / SECONDS_PER_HOUR
    return Health(
        engine=report.engine,
        engine_digest=report.engine_digest,
        engine_digest_now=engine_digest_of(files, report.engine),
        production=report.production,
        generation=report.generation,
        fraction=report.fraction,
        verdict=report.verdict,
        age_hours=age,
        runs_production=report.runs_production,
        runs_canary=report.runs_canary,
    )


def health_view(files: Files, version: str, generation: int, now: datetime) -> Health | Finding | None:
    """The verdict of telemetry on the canary of a generation; None where there is none."""
    path = health_path(version, generation)
    if path not in files:
        return None
    report = parse_report(path, files[path], HealthReport)
    return report if isinstance(report, Finding) else _health_of(report, files, now)


def recomputed_health(
    files: Files, version: str, generation: int, recomputed: bytes, now: datetime
) -> tuple[Health | None, list[Finding]]:
    """The verdict that the telemetry itself gives now, and whether the committed one follows from it.

    Telemetry only grows: a committed report may know fewer runs than there are now, never more, and it must come to
    the same verdict on the same engines at the same step. A missing report is for the rules to miss.
    """
    fresh = parse_report("the recomputed verdict", recomputed, HealthReport)
    if isinstance(fresh, Finding):
        return None, [fresh]
    path = health_path(version, generation)
    if path not in files:
        return None, []
    committed = parse_report(path, files[path], HealthReport)
    if isinstance(committed, Finding):
        return None, [committed]
    findings = []
    mend = "let the canary workflow write the report, and commit it as it is"
    for name in ("engine", "engine_digest", "production", "generation", "fraction", "policies_digest", "verdict"):
        said, found = getattr(committed, name), getattr(fresh, name)
        if said != found:
            told = f"says {name} {said}, but the telemetry gives {found}"
            findings.append(Finding("health.forged", told, mend, path))
    for name in ("runs_production", "runs_canary"):
        if getattr(committed, name) > getattr(fresh, name):
            told = f"counts {getattr(committed, name)} {name}, but the telemetry holds {getattr(fresh, name)}"
            findings.append(Finding("health.forged", told, mend, path))
    return _health_of(fresh, files, now), findings


def best_report(files: Files, version: str, yard: Yardstick, production: str | None) -> str | None:
    """The digest to promote with: of the engine's reports the one that fits the tree of now best, then by name."""
    ranked: list[tuple[int, str, str]] = []
    for path in report_paths(files, version):
        report = parse_report(path, files[path], EvaluationReport)
        if isinstance(report, Finding):
            continue
        fits = (
            (report.engine_digest == engine_digest_of(files, version))
            + (report.golden_digest == yard.golden_digest)
            + (report.policies_digest == yard.gates_digest)
            + (report.against == production)
            + (report.verdict == "pass")
        )
        ranked.append((-fits, path, sha256(files[path])))
    return min(ranked)[2] if ranked else None
