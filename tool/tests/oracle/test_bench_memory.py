"""The side-by-side report, on invented answers."""

from __future__ import annotations

import pytest

from evaluation.bench_memory.cases import Row
from evaluation.bench_memory.report import compare, page, plot, table

PEER = "canifinetune"


def row(number: int, measured: float | None, ours: float, family: str = "some") -> Row:
    return Row(
        id=f"{family}-{number}",
        family=family,
        exact=True,
        kind="allocated",
        measured=measured,
        oom=measured is None,
        usable=20.0,
        ours=ours,
        our_verdict="oom" if ours > 20 else "fits",
        case={},
    )


ROWS = [row(index, 10.0, 10.5) for index in range(12)] + [row(99, None, 30.0)]
ANSWERS = {item.id: {PEER: 12.0, "llm-analysis": "NotCovered: adapters"} for item in ROWS}


def test_errors_are_taken_on_the_same_rows() -> None:
    """Theirs and ours are shares of the measured peak, over the rows the peer covers."""
    answers = {**ANSWERS, "some-0": {PEER: "ValueError: no"}}
    item = compare(ROWS, answers, PEER, "some")
    assert item is not None
    assert item.rows == 11
    assert item.asked == 12
    assert item.median == pytest.approx(0.2)
    assert item.our_median == pytest.approx(0.05)
    assert item.ratio == pytest.approx(0.25)


def test_an_oom_counts_when_the_figure_exceeds_the_card() -> None:
    """12 GiB on a card of 20 misses the OOM; our verdict calls it."""
    item = compare(ROWS, ANSWERS, PEER, "some")
    assert item is not None
    assert (item.ooms, item.ooms_called, item.our_ooms_called) == (1, 0, 1)


def test_silence_is_not_an_answer() -> None:
    """A peer that covers nothing has no line, and its reason is told."""
    assert compare(ROWS, ANSWERS, "llm-analysis", "some") is None
    text = page(ROWS, ANSWERS, ["canifinetune 0.4.1"])
    assert "NotCovered: adapters (13)" in text
    assert "20.0 %" in text


def test_a_peer_is_not_scored_on_what_it_was_fitted_on() -> None:
    """fitcheck-llm's constants come from the fitcheck_t4 runs: they are left out for it."""
    rows = [row(index, 10.0, 10.0, "fitcheck_t4") for index in range(3)]
    answers = {item.id: {"fitcheck-llm": 10.0} for item in rows}
    assert "fitcheck-llm" not in table(rows, answers)


def test_the_plot_names_every_peer_with_figures() -> None:
    """One pair of bars a peer."""
    drawing = plot(ROWS, ANSWERS)
    assert drawing.startswith("<svg")
    assert drawing.count("(its)") == 1
    assert PEER in drawing
