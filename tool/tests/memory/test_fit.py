"""The contract of `fit`: nothing that a measurement row can hold is an error, and whatever is assumed is said."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tool.load import Repo
from tool.memory import bounds, fit, fit_many
from tool.memory.explain import bar_chart, cheapest_changes
from tool.schema.fit import FitAnswer, FitRequest

Ask = Callable[..., FitAnswer]


def test_verdicts_follow_bound_and_need(ask: Ask) -> None:
    """fits: the bound is within the card. oom: the need is beyond it. tight: between."""
    for length in (512, 2048, 8192, 16384, 32768):
        answer = ask(gpu="RTX-4090-24GB", seq_len=length)
        assert answer.usable_gib is not None
        assert answer.upper_gib is not None
        assert answer.allocated_gib is not None
        if answer.verdict == "fits":
            assert answer.upper_gib <= answer.usable_gib
        else:
            assert answer.upper_gib > answer.usable_gib
        if answer.verdict == "tight":
            assert answer.allocated_gib < answer.usable_gib
    assert ask(gpu="H200-141GB", seq_len=512).verdict == "fits"
    assert ask(gpu="T4-15GB").verdict == "oom"


def test_every_filled_field_is_said(repo: Repo) -> None:
    """A request that names model and card alone gets an assumption for each field that decides memory."""
    answer = fit(repo, FitRequest(model="Qwen/Qwen2.5-7B-Instruct", gpu="A100-80GB"))
    said = " ".join(answer.assumptions)
    for name in (
        "framework",
        "method",
        "dtype",
        "optimizer",
        "grad_checkpointing",
        "attention",
        "micro_batch",
        "seq_len",
    ):
        assert name in said


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("framework", "my-own-trainer 3"),
        ("method", "vera"),
        ("quant", "nf3-experimental"),
        ("optimizer", "grokadam"),
        ("sharding", "hypershard"),
        ("attention", "unknown"),
        ("dtype", "fp8"),
        ("objective", "telepathy"),
        ("seq_len_kind", "sideways"),
        ("amp", "maybe"),
        ("adapter_dtype", "int3"),
        ("master_weights", "tape"),
        ("lora_targets", "nothing_like_it"),
        ("grad_checkpointing", "sometimes"),
    ],
)
def test_unrecognised_values_are_never_errors(repo: Repo, ask: Ask, field: str, value: Any) -> None:
    """An unknown word is priced as the nearest known thing."""
    changes = {"gpus": 2} if field == "sharding" else {}
    answer = ask(**{field: value, **changes})
    assert answer.allocated_gib is not None
    assert answer.verdict != "abstain"


@pytest.mark.parametrize(
    ("changes", "field"), [({"method": "full", "quant": "nf4"}, "quant"), ({"grad_checkpointing": "x"}, "grad_che")]
)
def test_what_is_set_aside_is_said(ask: Ask, changes: dict[str, Any], field: str) -> None:
    """A value that cannot hold, or that nobody knows, is replaced and the answer says so."""
    assert any(line.startswith(field) for line in ask(**changes).assumptions)


def test_an_unknown_framework_widens_the_bound(ask: Ask) -> None:
    """A framework that nobody has measured gets the widest bound, and says what it was taken for."""
    known, unknown = ask(), ask(framework="my-own-trainer 3")
    assert known.upper_gib is not None
    assert unknown.upper_gib is not None
    assert unknown.upper_gib > known.upper_gib
    assert any("my-own-trainer" in line for line in unknown.assumptions)


def test_no_card_and_unknown_cards_abstain(ask: Ask) -> None:
    """Without the memory of a card there is no verdict, but there is a forecast."""
    for gpu in (None, "abacus"):
        answer = ask(gpu=gpu)
        assert answer.verdict == "abstain"
        assert answer.abstained_because
        assert answer.usable_gib is None
        assert answer.allocated_gib is not None


def test_parameters_alone_give_a_bound(repo: Repo) -> None:
    """A size without an architecture gives a bound above the weights, and no verdict."""
    answer = fit(repo, FitRequest(model="somebody/secret", params_b=7.0, method="lora", gpu="A100-80GB"))
    assert answer.verdict == "abstain"
    assert answer.upper_gib is not None
    assert answer.allocated_gib is not None
    assert answer.upper_gib > answer.allocated_gib > 13


def test_nothing_known_abstains_without_figures(repo: Repo) -> None:
    """A model that nobody knows, without a size, gets no figure."""
    answer = fit(repo, FitRequest(model="somebody/secret", gpu="A100-80GB"))
    assert answer.verdict == "abstain"
    assert answer.allocated_gib is None
    assert "somebody/secret" in (answer.abstained_because or "")
    request = FitRequest(model="somebody/secret", gpu="A100-80GB")
    assert bounds(repo, request, [1, 2], [512]).tolist() == [float("inf")] * 2  # type: ignore[arg-type]


def test_an_ambiguous_card_takes_the_smaller_memory(ask: Ask) -> None:
    """Of two cards in one name, the one with less usable memory counts."""
    both = ask(gpu="RTX-3090/4090-24GB").usable_gib
    assert both == min(ask(gpu="RTX-3090-24GB").usable_gib or 0, ask(gpu="RTX-4090-24GB").usable_gib or 0)


def test_a_row_is_a_request_as_it_stands(repo: Repo) -> None:
    """Keys that describe the measurement are ignored, null means unknown, task stands for objective."""
    row = {"id": "r1", "model": "Qwen/Qwen2.5-0.5B", "task": "sft", "peak_gib": 9.0, "outcome": "ok", "notes_codes": [],
           "lora_r": None, "amp": None, "gpu": "T4-15GB", "method": "full", "source": {"kind": "table"}}  # fmt: skip
    answer = fit(repo, FitRequest.model_validate(row))
    assert answer.id == "r1"
    assert answer.allocated_gib is not None


def test_many_answers_are_in_order(repo: Repo) -> None:
    """A list of requests gives the list of their answers."""
    requests = [FitRequest(id=number, model="Qwen/Qwen2.5-0.5B", micro_batch=number + 1) for number in range(5)]
    answers = fit_many(repo, requests)
    assert [answer.id for answer in answers] == list(range(5))
    assert answers == [fit(repo, request) for request in requests]


def test_absurd_sizes_stay_finite(ask: Ask) -> None:
    """The largest batch and length that a request can hold still give numbers."""
    answer = ask(micro_batch=1_000_000, seq_len=100_000_000, attention="eager")
    assert answer.verdict == "oom"
    assert answer.upper_gib is not None
    assert answer.upper_gib < 1e10


def test_terms_sum_to_the_estimate_even_where_it_is_cut(ask: Ask) -> None:
    """Where the estimate stops at the largest figure there is, its terms still add up to it."""
    answer = ask(micro_batch=1_000_000, seq_len=100_000_000, attention="eager")
    assert sum(answer.terms.values()) == pytest.approx(answer.allocated_gib, rel=2e-3)


def test_changes_that_would_make_it_fit_do(repo: Repo, ask: Ask) -> None:
    """Up to three changes are named, and each really brings the bound down."""
    request = FitRequest(model="meta-llama/Llama-3.1-8B", method="full", gpu="A100-80GB", micro_batch=8, seq_len=4096)
    now = fit(repo, request)
    changes = cheapest_changes(repo, request)
    assert 1 <= len(changes) <= 3
    assert all(change["upper_gib"] < (now.upper_gib or 0) for change in changes)
    fitting = FitRequest(model="Qwen/Qwen2.5-0.5B", method="lora", gpu="A100-80GB", micro_batch=1, seq_len=256)
    assert cheapest_changes(repo, fitting) == []


def test_the_bar_chart_shows_every_term(ask: Ask) -> None:
    """One line a term, the largest first and with the longest bar."""
    answer = ask()
    lines = bar_chart(answer).splitlines()
    assert len(lines) == len(answer.terms)
    assert lines[0].split()[0] == max(answer.terms, key=lambda name: answer.terms[name])
    assert lines[0].count("█") >= max(line.count("█") for line in lines)


def test_one_call_prices_half_a_million_sizes_a_second(repo: Repo) -> None:
    """A batch of configurations costs at most two microseconds of processor time each."""
    request = FitRequest.model_validate({"model": "Qwen/Qwen2.5-7B-Instruct", "method": "lora", "gpu": "A100-80GB"})
    draw = np.random.default_rng(0)
    batches, lengths = draw.integers(1, 64, 200_000), draw.integers(128, 16_384, 200_000)
    bounds(repo, request, batches[:10], lengths[:10])
    start = time.process_time()
    found = bounds(repo, request, batches, lengths)
    assert time.process_time() - start < 10  # a guard, no benchmark
    assert found.shape == (200_000,)


@pytest.mark.parametrize(
    ("gpu", "usable"),
    [("24GB", 21.84), ("H800 80GB", 72.8), ("Mystery-22.5 GiB", 22.5), ("mystery", None), ("0GB", None)],
)
def test_a_card_known_by_its_size_alone_gets_a_verdict(repo: Repo, gpu: str, usable: float | None) -> None:
    """The least share that known cards leave of a nominal size counts, and the answer says that it is assumed."""
    answer = fit(repo, FitRequest(model="Qwen/Qwen2.5-7B", method="qlora", gpu=gpu))
    if usable is None:
        assert answer.verdict == "abstain" and answer.usable_gib is None
        return
    assert answer.usable_gib == pytest.approx(usable, rel=1e-3)
    assert answer.verdict in ("fits", "tight", "oom")
    assert any(line.startswith("usable_gib") for line in answer.assumptions)
