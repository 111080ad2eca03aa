"""The peers' answers beside ours → a table and a plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluation.bench_memory.cases import Row

PEERS = ("fitcheck-llm", "canifinetune", "fm-training-estimator", "llm-analysis", "accelerate")
CALIBRATED_ON = {"fitcheck-llm": ("fitcheck_t4",)}
"""Families that a peer's own constants were fitted on: left out of its figures, and of ours beside it."""
LEAST = 10
"""A family enters an average with at least so many rows."""
HEAD = """# Memory estimators side by side

Measured runs with full fields whose model is in the registry, through each estimator's own function.
Written by `make bench-memory`.

- Ours is calibrated on all families but the one that is scored. A peer is not scored on the family that its
  constants were fitted on (fitcheck-llm: fitcheck_t4).
- Both columns of a line are computed on the same rows: those that the peer covers. `all` averages the families
  with at least {least} rows.
- The figure compared is the published one (allocator's peak, reserved, or the driver's). Where a peer names its
  own overhead, it is left out for allocator peaks and kept for the others; safety margins are left out.
- An OOM counts as called when the figure exceeds the card's usable memory (ours: verdict oom or tight).
- fm-training-estimator: its theory; its regressors want the user's own runs.
- Estimators: {versions}.

![errors](memory_peers.svg)

"""


@dataclass(frozen=True)
class Comparison:
    """A peer and ours on the rows that the peer covers. Errors are shares of the measured peak."""

    peer: str
    family: str
    rows: int
    asked: int
    median: float
    p90: float
    our_median: float
    our_p90: float
    ooms: int
    ooms_called: int
    our_ooms_called: int

    @property
    def ratio(self) -> float:
        """Our median error over the peer's."""
        return self.our_median / self.median if self.median else float("inf")


def _errors(values: Sequence[float], measured: Sequence[float]) -> list[float]:
    return [abs(value / seen - 1.0) for value, seen in zip(values, measured, strict=True)]


def compare(rows: Sequence[Row], answers: dict[str, dict[str, Any]], peer: str, family: str) -> Comparison | None:
    """One peer on one family; None without a row that it covers."""
    mine = [row for row in rows if row.family == family and family not in CALIBRATED_ON.get(peer, ())]
    covered = [row for row in mine if isinstance(answers.get(row.id, {}).get(peer), float)]
    ran = [row for row in covered if row.measured]
    ooms = [row for row in covered if row.oom and row.usable]
    if not ran:
        return None
    measured = [row.measured or 0.0 for row in ran]
    theirs = _errors([answers[row.id][peer] for row in ran], measured)
    ours = _errors([row.ours for row in ran], measured)
    return Comparison(
        peer=peer,
        family=family,
        rows=len(ran),
        asked=sum(row.measured is not None for row in mine),
        median=float(np.median(theirs)),
        p90=float(np.percentile(theirs, 90)),
        our_median=float(np.median(ours)),
        our_p90=float(np.percentile(ours, 90)),
        ooms=len(ooms),
        ooms_called=sum(answers[row.id][peer] > (row.usable or 0.0) for row in ooms),
        our_ooms_called=sum(row.our_verdict in ("oom", "tight") for row in ooms),
    )


def averages(items: Sequence[Comparison]) -> Comparison:
    """Families averaged (those with enough rows, else all), counts added."""
    counted = [item for item in items if item.rows >= LEAST] or list(items)

    def mean(name: str) -> float:
        return float(np.mean([getattr(item, name) for item in counted]))

    return Comparison(
        peer=items[0].peer,
        family="all",
        rows=sum(item.rows for item in items),
        asked=sum(item.asked for item in items),
        median=mean("median"),
        p90=mean("p90"),
        our_median=mean("our_median"),
        our_p90=mean("our_p90"),
        ooms=sum(item.ooms for item in items),
        ooms_called=sum(item.ooms_called for item in items),
        our_ooms_called=sum(item.our_ooms_called for item in items),
    )


def table(rows: Sequence[Row], answers: dict[str, dict[str, Any]]) -> dict[str, list[Comparison]]:
    """Peer → its families, the average first."""
    families = sorted({row.family for row in rows})
    result = {}
    for peer in PEERS:
        items = [item for item in (compare(rows, answers, peer, family) for family in families) if item]
        if items:
            result[peer] = [averages(items), *items]
    return result


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"


def _line(item: Comparison) -> str:
    called = f"{item.ooms_called}/{item.ooms}" if item.ooms else "–"
    ours = f"{item.our_ooms_called}/{item.ooms}" if item.ooms else "–"
    return (
        f"| {item.peer} | {item.family} | {item.rows} of {item.asked} | {_share(item.median)} | {_share(item.p90)} | "
        f"{_share(item.our_median)} | {_share(item.our_p90)} | {item.ratio:.2f} | {called} | {ours} |"
    )


def silences(answers: dict[str, dict[str, Any]], peer: str) -> list[tuple[str, int]]:
    """Why a peer gave no figure, most frequent first."""
    counts: dict[str, int] = {}
    for answer in answers.values():
        value = answer.get(peer)
        if isinstance(value, str):
            reason = value.split("'")[0][:60].strip() if value.startswith("Unsupported") else value[:60].strip()
            counts[reason] = counts.get(reason, 0) + 1
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def page(rows: Sequence[Row], answers: dict[str, dict[str, Any]], versions: Sequence[str]) -> str:
    """The report, in Markdown."""
    results = table(rows, answers)
    head = (
        "| estimator | family | rows it covers | its median | its p90 | ours, median | ours, p90 | ours / its | "
        "its OOMs | our OOMs |\n|---|---|---|---|---|---|---|---|---|---|"
    )
    blocks = []
    for peer in PEERS:
        lines = [_line(item) for item in results.get(peer, [])]
        reasons = "; ".join(f"{text} ({count})" for text, count in silences(answers, peer)[:5])
        blocks.append("\n".join([f"### {peer}", "", head, *lines, "", f"No figure: {reasons or 'never'}.", ""]))
    return HEAD.format(least=LEAST, versions=", ".join(versions)) + "\n".join(blocks)


def plot(rows: Sequence[Row], answers: dict[str, dict[str, Any]]) -> str:
    """Median error of each peer and of ours on the same rows, as bars, in SVG."""
    averaged = [(peer, items[0]) for peer, items in table(rows, answers).items()]
    width, left, bar, scale = 760, 190, 16, 4.0
    parts = []
    for index, (peer, item) in enumerate(averaged):
        top = 40 + index * 56
        parts.append(f'<text x="{left - 10}" y="{top + 21}" text-anchor="end">{peer}</text>')
        for offset, share, colour, name in (
            (0, item.median, "#b08968", "its"),
            (18, item.our_median, "#2a6f97", "ours"),
        ):
            length = min(100 * share, 115.0) * scale
            parts.append(f'<rect x="{left}" y="{top + offset}" width="{length:.1f}" height="{bar}" fill="{colour}"/>')
            label = f"{100 * share:.1f} % ({name})"
            parts.append(f'<text x="{left + length + 6:.1f}" y="{top + offset + 13}">{label}</text>')
    height = 60 + len(averaged) * 56
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="13">'
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
        f'<text x="{left}" y="24" font-weight="bold">Median error on the rows that each estimator covers</text>'
        + "".join(parts)
        + "</svg>\n"
    )
