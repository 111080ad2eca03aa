"""The benchmark's arithmetic and its page; the measurements themselves are of the machine that runs `make bench`."""

from __future__ import annotations

import pytest

from evaluation.bench_performance import process
from evaluation.bench_performance.inputs import registry_of, requests
from evaluation.bench_performance.measure import Found, exponent
from evaluation.bench_performance.notebooks import Notebooks
from evaluation.bench_performance.report import bars, page, plots
from tool.load import Repo, open_repo
from tool.tests.conftest import ROOT

RUN = process.Run(1.0, 1.5, 200.0)
EDITS = ("clean", "one card (T4: most entries)", "one card (A10G)")


@pytest.fixture
def found() -> Found:
    return Found(
        cold=[process.Run(1.0, cpu, 50.0) for cpu in (0.4, 0.6, 0.45)],
        batches={100: RUN, 1000: process.Run(10.0, 15.0, 300.0)},
        matrix=process.Run(30.0, 50.0, 1024.0),
        matrix_form="parquet",
        matrix_rows=600_000,
        edits=dict.fromkeys(EDITS, RUN),
        loads={300: 0.1, 3000: 1.0, 30000: 10.0},
        books=Notebooks(100, 0.003, 0.001, 0.004),
    )


def test_the_exponent_of_a_power_law_is_its_power() -> None:
    """Linear growth is 1, quadratic 2, constant 0."""
    for power in (0.0, 1.0, 2.0):
        assert exponent([(x, 3.0 * x**power) for x in (10, 100, 1000)]) == pytest.approx(power)


def test_the_page_says_which_bars_are_missed(found: Found) -> None:
    """A ratio of three to the floor is missed, a median start of 0.45 s is met; every plot is named on the page."""
    verdicts = {what: value <= bar for what, value, _, bar in bars(found)}
    assert not verdicts["notebooks, times the floor"]
    assert verdicts["cold `ftc recommend`, CPU, median of 5"] and verdicts["load of YAML, growth exponent"]
    text = page(found)
    assert text.count("| missed |") == sum(not met for met in verdicts.values())
    for name, drawing in plots(found).items():
        assert f"({name})" in text and drawing.startswith("<svg")


def test_requests_and_registries_have_the_size_that_was_asked_for(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The same bytes each time; every copied model loads."""
    repo: Repo = open_repo(ROOT)
    assert requests(repo, 40) == requests(repo, 40) and requests(repo, 40).count("\n") == 40
    copied = open_repo(registry_of(repo, tmp_path_factory.mktemp("models"), 130))
    assert len(copied.models) == 130 and not copied.models.load_all()


def test_memory_of_a_running_process_is_seen() -> None:
    """This very process holds some MiB; one that is gone holds nothing."""
    import os

    assert process.family_memory(os.getpid()) > 10.0
    assert process.family_memory(2**22 + 1) == 0.0
