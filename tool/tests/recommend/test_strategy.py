"""Which step decides: what a missing part falls back to, what outcomes say of the rank, and what others chose."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tool.load import open_repo
from tool.recommend.laws import Value
from tool.recommend.peers import link_of
from tool.recommend.question import Question, ask
from tool.recommend.strategy import Knowledge, decide
from tool.schema.recommendation import RecommendRequest
from tool.tests.conftest import ROOT

REPO = open_repo(ROOT)
Ftc = Callable[..., tuple[int, str, str]]


@dataclass(frozen=True)
class Partial:
    """An engine of which only some strategies are there. It answers 0.125, 0.25 or nothing."""

    has: tuple[str, ...]
    best: str = "hybrid_ml"
    version: str = "9.9"

    def strategies(self) -> tuple[str, ...]:
        return self.has

    def best_strategy(self, question: Question) -> str:
        return self.best

    def values(
        self, strategy: str, question: Question, adapter: str, alpha_ratio: float | None = None
    ) -> dict[str, Value]:
        rates = {"hybrid_ml": 0.125, "hybrid": 0.25}
        return {"learning_rate": Value(rates[strategy], strategy, "test")} if strategy in rates else {}

    def confidence(self, question: Question, adapter: str, rate: float, fits: float) -> float:
        return 0.5

    def outside(self, question: Question) -> tuple[str, ...]:
        return ()

    def peers(self, question: Question, adapter: str) -> tuple[dict[str, tuple[float, float]], list[dict[str, Any]]]:
        return {}, []


def question(**fields: Any) -> Question:
    return ask(REPO, RecommendRequest(**{"params_b": 8.0, "task": "chat", "adapter": "lora"} | fields))


@pytest.mark.parametrize(
    ("has", "asked", "decided", "rate", "said"),
    [
        (("deterministic", "hybrid", "hybrid_ml"), "auto", "hybrid_ml", 0.125, None),
        (("deterministic", "hybrid"), "auto", "hybrid", 0.25, "hybrid_ml is not in engine 9.9; hybrid used"),
        (("deterministic",), "auto", "deterministic", None, "hybrid_ml is not in engine 9.9"),
        (("deterministic", "hybrid"), "hybrid_ml", "hybrid", 0.25, "hybrid_ml is not in engine 9.9; hybrid used"),
        (("deterministic",), "hybrid", "deterministic", None, "hybrid is not in engine 9.9"),
        (("deterministic", "hybrid"), "hybrid", "hybrid", 0.25, None),
    ],
)
def test_a_missing_part_falls_back_and_says_so(
    has: tuple[str, ...], asked: str, decided: str, rate: float | None, said: str | None
) -> None:
    """hybrid_ml → hybrid → deterministic, with a note exactly when another step than the one wanted decided."""
    strategy, values, notes = decide(question(strategy=asked), "lora", Knowledge(engine=Partial(has)))
    assert strategy == decided
    assert rate is None or values["learning_rate"].value == rate
    assert (said is None and not notes) or (said is not None and said in " ".join(notes))


def test_without_an_engine_a_wanted_strategy_is_missed_and_auto_is_not() -> None:
    """Only who asked for a learned step is told that there is none."""
    assert decide(question(strategy="hybrid_ml"), "lora", Knowledge())[2]
    assert not decide(question(), "lora", Knowledge())[2]


def test_a_rank_says_what_outcomes_measured() -> None:
    """Whoever decided the rank, the evidence stands beside it."""
    rank = decide(question(), "lora", Knowledge())[1]["lora_r"]
    assert "measured on Llama-3.2-3B" in rank.rule
    assert "method_comparison" in rank.source


def test_explain_names_the_nearest_recipes_with_links_and_the_spread(ftc: Ftc) -> None:
    """Spread of careful people, and recipes that can be read, each of another repository."""
    asked = ("recommend", "--model", "meta-llama/Llama-3.1-8B", "--task", "chat", "--adapter", "lora")
    found = json.loads(ftc(*asked, "--explain", "--output", "json")[1])["peers"]
    low, high = found["spread"]["learning_rate"]
    assert low < 2e-4 <= high
    repositories = [item["repository"] for item in found["nearest"]]
    assert len(set(repositories)) == len(repositories) >= 3
    text = ftc(*asked, "--explain")[1]
    assert all(item["link"] in text for item in found["nearest"])
    assert "peers" not in json.loads(ftc(*asked, "--output", "json")[1])


def test_outside_of_the_data_nobody_is_near(ftc: Ftc) -> None:
    """A constrained-safe answer claims no peers."""
    asked = ("recommend", "--params-b", "7", "--task", "chat", "--objective", "contrastive", "--adapter", "lora")
    code, text, _ = ftc(*asked, "--explain")
    assert code == 0
    assert "constrained-safe" in text
    assert "nearest published recipes" not in text


def test_a_link_leads_to_the_file_and_not_to_a_command_in_it() -> None:
    """What counts the commands of a file is no part of its address."""
    assert link_of("huggingface/trl/docs/sft.md#cmd2") == "https://github.com/huggingface/trl/blob/HEAD/docs/sft.md"
