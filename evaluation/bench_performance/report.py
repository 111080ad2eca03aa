"""The measurements as a page with plots."""

from __future__ import annotations

import os
import statistics

from evaluation.bench_performance.measure import COLD_RUNS, JOBS, Found, exponent
from tool.telemetry.chart import curves

NAMES = ("performance_load.svg", "performance_batch.svg")


def bars(found: Found) -> list[tuple[str, float, str, float]]:
    """(what, measured, unit, bar): met where the measured value is not above the bar."""
    batch, most = found.batches[max(found.batches)], found.edits["clean"]
    cold = statistics.median(run.cpu for run in found.cold)
    return [
        (f"matrix of {found.matrix_rows:,} ({found.matrix_form}), wall", found.matrix.wall, "s", 60.0),
        ("matrix, memory of all processes", found.matrix.memory / 1024, "GiB", 4e9 / 2**30),
        ("curated catalogue, clean, wall", most.wall, "s", 15.0),
        ("one card changed (T4), wall", found.edits["one card (T4: most entries)"].wall, "s", 2.0),
        ("one card changed (A10G), wall", found.edits["one card (A10G)"].wall, "s", 2.0),
        ("notebooks, times the floor", found.books.ours / found.books.floor, "x", 1.5),
        ("load of YAML, growth exponent", exponent([*found.loads.items()]), "", 1.1),
        (f"cold `ftc recommend`, CPU, median of {COLD_RUNS}", cold, "s", 0.5),
        (f"batch of {max(found.batches):,}, hybrid_ml, wall", batch.wall, "s", 20.0),
    ]


def page(found: Found) -> str:
    """Markdown: the bars first, then what stands behind them."""
    lines = [
        "# Performance",
        "",
        f"Written by `make bench` on {os.cpu_count()} cores, {JOBS} processes. Times are of the machine that ran it;",
        "ratios and exponents carry over, seconds do not.",
        "",
        "| what | measured | bar | |",
        "|---|---|---|---|",
    ]
    for what, value, unit, bar in bars(found):
        verdict = "met" if value <= bar else "missed"
        lines.append(f"| {what} | {value:.3g} {unit} | ≤ {bar:.3g} {unit} | {verdict} |".replace("  |", " |"))
    return "\n".join([*lines, *_rates(found), *_edits(found), *_loads(found), *_books(found)]) + "\n"


def _rates(found: Found) -> list[str]:
    rows = [("matrix", found.matrix_rows, found.matrix)]
    rows += [(f"batch of {count:,} requests, hybrid_ml", count, run) for count, run in found.batches.items()]
    growth = exponent([(count, run.wall) for count, run in found.batches.items()])
    table = [
        f"| {name} | {count / run.wall:,.0f} | {run.wall:.3g} | {run.cpu:.3g} | {run.memory:.0f} |"
        for name, count, run in rows
    ]
    head = ["| | a second | wall, s | CPU, s | memory, MiB |", "|---|---|---|---|---|"]
    note = f"Wall time of a batch grows with exponent {growth:.2f} (below 1: starting up weighs less and less)."
    return [
        "",
        "## Recommendations",
        "",
        *head,
        *table,
        "",
        note,
        "",
        "![wall time by requests](performance_batch.svg)",
    ]


def _edits(found: Found) -> list[str]:
    clean = found.edits["clean"].wall
    table = [
        f"| {name} | {run.wall:.3g} | {run.cpu:.3g} | {run.wall / clean:.2f} | {run.memory:.0f} |"
        for name, run in found.edits.items()
    ]
    head = ["| | wall, s | CPU, s | of clean | memory, MiB |", "|---|---|---|---|---|"]
    return ["", "## The catalogue: what a change costs", "", *head, *table]


def _loads(found: Found) -> list[str]:
    table = [f"| {count:,} | {seconds:.3g} | {count / seconds:,.0f} |" for count, seconds in found.loads.items()]
    head = ["| model files | CPU, s | files a second |", "|---|---|---|"]
    growth = f"Growth exponent {exponent([*found.loads.items()]):.2f} (1 is linear)."
    return ["", "## Loading YAML", "", *head, *table, "", growth, "", "![CPU time by files](performance_load.svg)"]


def _books(found: Found) -> list[str]:
    books = found.books
    ways = {
        "floor: json.dumps, one schema validation, write": books.floor,
        "`ftc`: rendered, validated, written": books.ours,
        "floor with cells from nbformat's `new_*_cell`": books.nbformat,
    }
    table = [
        f"| {name} | {seconds * 1000:.3g} | {1 / seconds:,.0f} | {seconds / books.floor:.2f} |"
        for name, seconds in ways.items()
    ]
    head = ["| | CPU, ms each | a second | times the floor |", "|---|---|---|---|"]
    return ["", f"## Notebooks ({books.count} of the catalogue)", "", *head, *table]


def plots(found: Found) -> dict[str, str]:
    """File name → SVG."""
    load = [(float(count), seconds) for count, seconds in found.loads.items()]
    linear = [(x, load[-1][1] * x / load[-1][0]) for x, _ in load]
    batch = [(float(count), run.wall) for count, run in found.batches.items()]
    return {
        NAMES[0]: curves({"measured": load, "linear": linear}, "YAML files", "CPU seconds"),
        NAMES[1]: curves({"hybrid_ml, mixed requests": batch}, "requests", "wall seconds"),
    }
