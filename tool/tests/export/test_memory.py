"""An answer that fits as our notebooks train may not fit as another framework does: the export says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tool.generate.export_memory import TRAINERS, memory_warning
from tool.load import open_repo
from tool.recommend import recommend
from tool.recommend.question import Question, ask
from tool.schema.recommendation import Recommendation, RecommendRequest
from tool.tests.conftest import ROOT

QLORA = {"model": "Qwen/Qwen2.5-7B-Instruct", "objective": "sft", "adapter": "qlora", "gpu": "A100-80GB"}


def asked(**changes: Any) -> tuple[Question, Recommendation]:
    """The question and its answer."""
    question = ask(open_repo(ROOT), RecommendRequest.model_validate(QLORA | changes))
    return question, recommend(open_repo(ROOT), question.request)


@pytest.mark.parametrize("name", ["axolotl", "oumi", "ms-swift"])
def test_k_bit_preparation_is_counted(name: str) -> None:
    """These widen what is not quantised to fp32, which our notebooks do not: what just fits here does not fit there."""
    said = memory_warning(open_repo(ROOT), *asked(), name)
    assert said is not None
    assert said.startswith("memory: trained in this framework's way it needs about ")
    assert "layer activations" in said


@pytest.mark.parametrize("name", ["trl", "llamafactory", "torchtune", "unsloth"])
def test_frameworks_without_it_have_no_warning(name: str) -> None:
    """The same answer fits where the framework keeps 16 bits."""
    assert memory_warning(open_repo(ROOT), *asked(), name) is None


@pytest.mark.parametrize("name", sorted(TRAINERS))
def test_an_answer_for_no_card_has_none(name: str) -> None:
    """Nothing to compare with."""
    question = ask(open_repo(ROOT), RecommendRequest.model_validate(QLORA | {"gpu": None}))
    assert memory_warning(open_repo(ROOT), question, recommend(open_repo(ROOT), question.request), name) is None


def test_the_file_and_stderr_say_it(ftc: Callable[..., tuple[int, str, str]]) -> None:
    """`ftc recommend --export` writes the warning into the file and on stderr."""
    words = [word for key, value in QLORA.items() for word in (f"--{key}", value)]
    _, text, said = ftc("recommend", *words, "--export", "axolotl")
    assert "warning: memory: trained in this framework's way" in said
    assert "# warning: memory: trained in this framework's way" in text
