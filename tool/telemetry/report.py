"""A summary as a table, as markdown, and as plots (plain SVG)."""

from __future__ import annotations

from typing import Any

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
        "oom_rate.svg": chart(rates, "week", "OOM rate", line=True),
        "peaks.svg": chart(summary.points, "predicted peak (GiB)", "measured peak (GiB)", diagonal=True),
    }


def chart(points: list[tuple[float, float]], across: str, up: str, line: bool = False, diagonal: bool = False) -> str:
    """One small chart as SVG: dots, joined by a line or beside the diagonal of equal values."""
    width, height, left, bottom = 640, 360, 60, 40
    right = max((x for x, _ in points), default=1.0) or 1.0
    top = max((y for _, y in points), default=1.0) or 1.0
    if diagonal:
        right = top = max(right, top)

    def place(x: float, y: float) -> str:
        return f"{left + x / right * (width - left - 20):.1f},{height - bottom - y / top * (height - bottom - 20):.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        'font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<polyline points="{place(0, top)} {place(0, 0)} {place(right, 0)}" fill="none" stroke="#555"/>',
        f'<text x="{width / 2}" y="{height - 8}" text-anchor="middle">{across}</text>',
        f'<text x="14" y="{height / 2}" text-anchor="middle" transform="rotate(-90 14 {height / 2})">{up}</text>',
        f'<text x="{left - 6}" y="24" text-anchor="end">{top:.3g}</text>',
        f'<text x="{width - 20}" y="{height - bottom + 16}" text-anchor="end">{right:.3g}</text>',
    ]
    if diagonal:
        parts.append(f'<polyline points="{place(0, 0)} {place(right, top)}" stroke="#999" stroke-dasharray="4"/>')
    if line and points:
        joined = " ".join(place(x, y) for x, y in points)
        parts.append(f'<polyline points="{joined}" fill="none" stroke="#06c" stroke-width="2"/>')
    for x, y in points:
        horizontal, vertical = place(x, y).split(",")
        parts.append(f'<circle cx="{horizontal}" cy="{vertical}" r="2.5" fill="#06c" fill-opacity="0.6"/>')
    return "\n".join([*parts, "</svg>"]) + "\n"
