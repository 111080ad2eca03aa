"""A summary in the text format of Prometheus (exposition format 0.0.4)."""

from __future__ import annotations

from collections.abc import Iterable

from tool.telemetry.runs import OUTCOMES
from tool.telemetry.store import Counts
from tool.telemetry.summary import Summary

Sample = tuple[dict[str, str], float]


def prometheus(summary: Summary, totals: Counts) -> str:
    """Counters and gauges for node_exporter's textfile collector. Labels: slot, engine, outcome; names are bounded."""
    plain = summary.plain()
    lines: list[str] = []
    events = [({"verdict": name}, getattr(totals, name)) for name in ("accepted", "duplicates", "quarantined")]
    lines += _family("ftc_telemetry_events_total", "counter", "Records that were ingested, by verdict.", events)
    for group in ("slot", "engine"):
        rows = plain["by"][group]
        runs = [({group: row[group], "outcome": name}, row[name]) for row in rows for name in OUTCOMES]
        lines += _family(f"ftc_runs_by_{group}_total", "counter", f"Runs by {group} and outcome.", runs)
        shares = [({group: row[group]}, row["oom_rate"]) for row in rows if row["oom_rate"] is not None]
        lines += _family(f"ftc_oom_ratio_by_{group}", "gauge", "Share of told runs that ran out of memory.", shares)
        ratios = [({group: row[group]}, row["measured_over_predicted"]) for row in rows if row["memory_runs"]]
        lines += _family(f"ftc_peak_ratio_by_{group}", "gauge", "Measured over predicted peak, median.", ratios)
    return "\n".join(lines) + "\n"


def _family(name: str, kind: str, text: str, samples: Iterable[Sample]) -> list[str]:
    found = [f"{name}{{{_labels(labels)}}} {value:g}" for labels, value in samples]
    return [f"# HELP {name} {text}", f"# TYPE {name} {kind}", *found] if found else []


def _labels(labels: dict[str, str]) -> str:
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in sorted(labels.items()))


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
