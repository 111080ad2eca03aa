"""A rehearsal as a page with plots: findings first, then the weeks, then what it does not show."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evaluation.rehearsal import truth
from evaluation.rehearsal.findings import Finding
from evaluation.rehearsal.play import POISON_FROM, RUNS, SLIP_WEEK, SPOILT_WEEKS, Played, Week
from tool.telemetry.chart import curves

ROOT = Path(__file__).resolve().parents[2]
FOLDER = "evaluation/reports"
PAGE = f"{FOLDER}/rehearsal.md"
MARKS = {
    1.0: "two cards misjudged",
    float(SPOILT_WEEKS[0]): "a library needs more",
    float(POISON_FROM): "a poisoner joins",
    float(SLIP_WEEK): "an engine with a slip",
}

HEAD = f"""# Rehearsal: twelve weeks of telemetry, retraining and canaries

Written by `make rehearse`: {RUNS:,} questions a week of a simulated fleet (fewer in the first weeks), in a git
repository with a bare remote. The workflow files run as they stand, under act against a stand-in for the forge;
questions, events, verdicts and merges go through the real commands. Everything is seeded and the clock is given.

The world is [`evaluation/rehearsal/truth.py`](../rehearsal/truth.py): it counts memory from published shapes in words
of its own and imports nothing of the project, which a contract of the import linter holds it to. Two of its five cards
are not what the registry records: {{free:g}} GiB are free on an A10G, and an RTX-4090 needs {{appetite:.0%}} more for
the same work. From week {SPOILT_WEEKS[0]} to {SPOILT_WEEKS[-1]} a library needs {truth.SPOILT - 1:.0%} more memory on
every card. From week {POISON_FROM} on one account uploads three tenths of all events, all of them lies: tiny peaks,
failures that never were, and splendid losses at raised learning rates. At the end of week {SLIP_WEEK} somebody brings
an engine whose rates for reinforcement slipped by a decimal, which no golden case covers.
"""

LIMITS = """## What this does not show

The forecasts agree with this world within some percent where nothing is misjudged (measured / predicted above); that is
how two countings of the same tensors came out, and says nothing about real cards. Every run of a kind needs nearly the
same memory, so a bound that was learned holds at once, where a real fleet would take longer. A regression takes some
weeks, since a bound covers all but a few of a source's runs of ninety days, and the healthy ones before it count among
them. After the library is mended the bounds of the cards stay where the regression put them: nothing lowers a bound but
people who remove rows from `registry/measurements/telemetry.jsonl`. The teams run what was recommended, which is an
echo and teaches no learning rate. Runs of a canary are not weighted by source: an account that lies about the canary's
runs alone could delay or abort it, which is the safe side. One candidate in twelve is promoted; the others stay
candidates, since one canary runs at a time. Reviews are not played: every pull request is merged.
"""


def page(played: Played, found: Sequence[Finding]) -> str:
    """The report in markdown."""
    lines = [HEAD.format(free=truth.CARDS["A10G"].free, appetite=truth.CARDS["RTX-4090"].appetite - 1)]
    lines += ["## Findings", "", "| | claim | figures |", "|---|---|---|"]
    lines += [f"| {'✓' if each.holds else '✗'} | {each.claim} | {each.figures} |" for each in found]
    lines += ["", "![runs out of memory by week](rehearsal_oom.svg)", ""]
    lines += ["![what cards learned](rehearsal_cards.svg)", "", "![failed runs by slot](rehearsal_slots.svg)", ""]
    lines += ["## Week by week", ""]
    lines += ["| week | runs | out of memory | measured / predicted | retraining asked for by | candidate | gates |"]
    lines += ["|---:|---:|---:|---:|---|---|---|"]
    lines += [_row(week) for week in played.weeks]
    lines += ["", "Runs are those of honest teams. What was merged:", ""]
    lines += [f"- week {week.week}: {'; '.join(week.merged) or 'nothing'}" for week in played.weeks]
    lines += ["", "## `ftc history` at the end", "", "```", played.history.rstrip(), "```", "", LIMITS]
    return "\n".join(lines)


def _row(week: Week) -> str:
    bar = "█" * round(week.oom_rate * 200)
    cells = (
        week.week,
        f"{week.runs:,}",
        f"{week.oom_rate:.2%} {bar}".strip(),
        week.numbers.get("memory_ratio", "–"),
        ", ".join(week.triggers) or "–",
        week.candidate or "–",
        week.verdict or "–",
    )
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def plots(played: Played) -> dict[str, str]:
    """File name → SVG."""
    weeks = played.weeks
    by_card = {
        card: [(float(week.week), 100.0 * week.by_card[card][0] / week.by_card[card][1]) for week in weeks]
        for card in truth.CARDS
        if all(week.by_card.get(card, (0, 0))[1] for week in weeks)
    }
    learned = {
        card: [(float(week.week), float(week.cards.get(card, {}).get("need", 1.0))) for week in weeks]
        for card in truth.CARDS
    }
    slots = {
        slot: [(float(week.week), 100.0 * week.failed[slot]) for week in weeks if slot in week.failed]
        for slot in ("production", "canary")
    }
    return {
        "rehearsal_oom.svg": curves(by_card, "week", "runs out of memory (%)", MARKS),
        "rehearsal_cards.svg": curves(learned, "week", "bound, as a multiple of the arithmetic's", MARKS),
        "rehearsal_slots.svg": curves(slots, "week", "runs that failed (%)", MARKS),
    }


def write(played: Played, found: Sequence[Finding]) -> None:
    """Write the page and its plots into this checkout."""
    (ROOT / PAGE).write_text(page(played, found), encoding="utf-8")
    for name, text in plots(played).items():
        (ROOT / FOLDER / name).write_text(text, encoding="utf-8")
