"""A summary as a table, as markdown, and as plots (plain SVG)."""

from __future__ import annotations

from typing import Any

from tool.telemetry.chart import curves, pairs
from tool.telemetry.summary import Summary

HEADINGS = (
    ("runs", "runs"),
    ("success", "success"),
    ("oom", "OOM"),
    ("oom_rate", "OOM rate"),
    ("diverged", "diverged"),
    ("error", "error"),
    ("lost", "lost"),
    ("measured_over_predicted", "peak / predicted"),
    ("above_bound", "above bound"),
    ("final_loss", "final loss"),
)
TITLES = {"slot": "slot", "engine": "engine", "gpu": "card", "model": "model", "adapter": "adapter"}


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _plain_name(text: str) -> str:
    """A name from outside, safe in a table: printable, short, no markup."""
    kept = "".join(letter if letter.isprintable() and letter not in "|<>`[]\\" else "?" for letter in text)
    return kept[:60]


def text_report(summary: Summary) -> str:
    """Tables for the terminal."""
    plain, lines = summary.plain(), []
    for group in TITLES:
        rows = plain["by"][group]
        if not rows:
            continue
        table = [[TITLES[group], *(title for _, title in HEADINGS)]]
        table += [[_plain_name(row[group]), *(_cell(row[key]) for key, _ in HEADINGS)] for row in rows[:20]]
        widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
        for row in table:
            cells = [
                row[0].ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
            ]
            lines.append("  ".join(cells).rstrip())
        lines.append("")
    return "\n".join(lines).rstrip() + "\n" if lines else "no runs\n"


def markdown_report(summary: Summary, plots: bool = False) -> str:
    """Markdown with one table a grouping."""
    plain = summary.plain()
    whole = plain["whole"]
    lines = [
        "# Telemetry",
        "",
        f"{whole['runs']} runs, {whole['success']} succeeded, {whole['oom']} ran out of memory.",
        "",
    ]
    if plots:
        lines += ["![OOM rate by week](oom_rate.svg)", "![measured against predicted peak](peaks.svg)", ""]
    for group in TITLES:
        rows = plain["by"][group]
        if not rows:
            continue
        lines += [
            f"## By {TITLES[group]}",
            "",
            "| " + " | ".join([TITLES[group], *(title for _, title in HEADINGS)]) + " |",
        ]
        lines.append("|---" + "|---:" * len(HEADINGS) + "|")
        for row in rows[:50]:
            cells = [_plain_name(row[group]), *(_cell(row[key]) for key, _ in HEADINGS)]
            lines.append("| " + " | ".join(cells) + " |")
        lines.append("")
    if plain["recommendations"]:
        lines += ["## Answers given", "", "| slot | answers | median confidence |", "|---|---:|---:|"]
        lines += [
            f"| {_plain_name(row['slot'])} | {row['answers']} | {row['confidence']} |"
            for row in plain["recommendations"]
        ]
        lines.append("")
    return "\n".join(lines)


def plots(summary: Summary) -> dict[str, str]:
    """File name → SVG."""
    weeks = sorted(summary.weeks)
    rates = [(float(index), summary.weeks[week].plain()["oom_rate"] or 0.0) for index, week in enumerate(weeks)]
    return {
        "oom_rate.svg": curves({"OOM rate": rates}, "week", "OOM rate"),
        "peaks.svg": pairs(summary.points, "predicted peak (GiB)", "measured peak (GiB)"),
    }
