"""`ftc status` on one screen: verdict first, then what the canary changes for whom, evidence, waivers, next command."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

MOST_FIELDS = 6
_COUNTS = (
    ("hard_failures", "hard gates failed"),
    ("soft_failures", "soft gates failed"),
    ("undecided", "undecided"),
    ("unjudged", "not judged"),
    ("waived", "waived"),
)


def _verdict(shown: Mapping[str, Any]) -> str:
    """Whether anything can be done now."""
    ready = [each for each in shown["next"] if not each["blocked_by"]]
    if ready:
        return f"ready: {ready[0]['command']}"
    if shown["next"]:
        first = shown["next"][0]
        wait = f", not before {first['not_before']}" if first["not_before"] else ""
        return f"waiting: {first['version']} cannot go on yet{wait}"
    return "nothing to do: no engine waits for a step"


def _live(shown: Mapping[str, Any]) -> Iterator[str]:
    live = shown["production"]
    yield f"production  {live['version'] or 'nothing'}" + (f" since {live['since']}" if live["since"] else "")
    if shown["canary"]:
        canary = shown["canary"]
        yield f"canary      {canary['version']} at {canary['fraction'] * 100:.4g} % since {canary['since']}"
    if shown["holds"]:
        yield f"on hold     {', '.join(shown['holds'])}"
    yield f"rollback    {shown['rollback_to'] or 'no version was live before'}"


def _changes(moves: Mapping[str, Any] | None) -> Iterator[str]:
    if moves is None:
        return
    yield ""
    yield f"the canary's keys: {moves['entries']} of {moves['of']} recommendations differ from production's"
    for field in moves["fields"][:MOST_FIELDS]:
        yield f"  {field['field']:<28} {field['entries']:>4}  {field['told']}"
    if len(moves["fields"]) > MOST_FIELDS:
        yield f"  and {len(moves['fields']) - MOST_FIELDS} more fields (generated/canary/index.json)"


def _evidence(shown: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    waiting = {each["version"] for each in shown["next"]} | {shown["production"]["version"]}
    for version, engine in shown["engines"].items():
        if version not in waiting:
            continue
        report = engine["evidence"]
        if report is None:
            yield f"evidence    {version} ({engine['stage']}): no report; `ftc evaluate --engine {version} --write`"
            continue
        told = [f"{name} {len(report[key])}: {', '.join(report[key][:3])}" for key, name in _COUNTS if report[key]]
        against = f" against {report['against']}" if report["against"] else ""
        words = "; ".join([report["verdict"] + against, *told])
        yield f"evidence    {version} ({engine['stage']}): {words} ({report['digest'][:12]})"
    if shown["canary"]:
        health = shown["health"]
        yield "telemetry   " + (
            f"{health['verdict']}, {health['runs_production']} runs of production and {health['runs_canary']} of the "
            f"canary, {health['age_hours']:.1f} hours old"
            if health
            else "no verdict on this step yet; `ftc canary verdict --write`"
        )
    waivers = [f"{each['id']} for {each['gate']}: {each['days_left']:g} days left" for each in shown["waivers"]]
    yield f"waivers     {'; '.join(waivers) if waivers else 'none'}"


def _next(shown: Mapping[str, Any]) -> Iterator[str]:
    for each in shown["next"]:
        yield f"\nnext for {each['version']} ({each['stage']}): {each['command']}"
        if each["not_before"]:
            yield f"  not before {each['not_before']}"
        for finding in each["blocked_by"]:
            yield f"  blocked: [{finding['id']}] {finding['message']} ({finding['remedy']})"


def status_text(shown: Mapping[str, Any]) -> str:
    """What `status` gathered, as text."""
    if shown["generation"] is None:
        lines = ["no engine is live: there is no history yet"]
        lines += [
            f"  engine {version}: `ftc promote {version} --genesis --write` starts the history with it"
            for version in shown["engines"]
        ]
        return "\n".join(lines) + "\n"
    lines = [f"{_verdict(shown)} (generation {shown['generation']})", ""]
    return "\n".join([*lines, *_live(shown), *_changes(shown["moves"]), *_evidence(shown), *_next(shown)]) + "\n"
