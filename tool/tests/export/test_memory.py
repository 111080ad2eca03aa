"""An answer that fits as our notebooks train may not fit as another framework does: the export says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tool.generate.export_memory import TRAINERS, sized_for
from tool.load import open_repo
from tool.recommend import recommend
from tool.recommend.question import Question, ask
from tool.schema.recommendation import Recommendation, RecommendRequest
from tool.tests.conftest import ROOT

QLORA = {"model": "Qwen/Qwen2.5-7B-Instruct", "objective": "sft", "adapter": "qlora", "gpu": "A100-80GB"}
SMALL = "HuggingFaceTB/SmolLM2-135M-Instruct"


def asked(**changes: Any) -> tuple[Question, Recommendation]:
    """The question and its answer."""
    question = ask(open_repo(ROOT), RecommendRequest.model_validate(QLORA | changes))
    return question, recommend(open_repo(ROOT), question.request)


@pytest.mark.parametrize("name", ["axolotl", "oumi", "ms-swift"])
def test_k_bit_preparation_is_counted(name: str) -> None:
    """These widen what is not quantised to fp32, which our notebooks do not: fewer rows at a time, until they fit."""
    question, answer = asked()
    sized, said = sized_for(open_repo(ROOT), question, answer, name)
    assert said[0].startswith("memory: micro-batch x accumulation is ")
    assert "layer activations" in said[0]
    micro, before = (of.config["per_device_train_batch_size"] for of in (sized, answer))
    assert micro < before
    assert micro * sized.config["gradient_accumulation_steps"] == before * answer.config["gradient_accumulation_steps"]
    changed = {"per_device_train_batch_size", "gradient_accumulation_steps"}
    assert {key for key, value in sized.config.items() if value != answer.config[key]} == changed


@pytest.mark.parametrize("name", sorted(TRAINERS))
def test_what_fits_every_framework_stays_as_it_is(name: str) -> None:
    """A small model on a large card: nothing is changed, nothing is said."""
    question, answer = asked(model=SMALL, adapter="lora", gpu="H200-141GB", seq_len=512)
    assert sized_for(open_repo(ROOT), question, answer, name) == (answer, ())


def test_what_no_micro_batch_mends_is_said() -> None:
    """Where even one row does not fit, the answer stays and the export says what would help."""
    question, answer = asked(gpu="RTX-4090")
    long = {"per_device_train_batch_size": 1, "max_length": 32768}
    single = answer.model_copy(update={"config": answer.config | long})
    sized, said = sized_for(open_repo(ROOT), question, single, "axolotl")
    assert sized is single
    assert len(said) == 1
    assert said[0].startswith("memory: it needs in this framework's way of training about ")
    assert said[0].endswith("or shorten max_length")


@pytest.mark.parametrize("name", sorted(TRAINERS))
def test_an_answer_for_no_card_has_none(name: str) -> None:
    """Nothing to compare with."""
    question = ask(open_repo(ROOT), RecommendRequest.model_validate(QLORA | {"gpu": None}))
    answer = recommend(open_repo(ROOT), question.request)
    assert sized_for(open_repo(ROOT), question, answer, name) == (answer, ())


def test_the_file_and_stderr_say_it(ftc: Callable[..., tuple[int, str, str]]) -> None:
    """`ftc recommend --export` writes the warning into the file and on stderr."""
    words = [word for key, value in QLORA.items() for word in (f"--{key}", value)]
    _, text, said = ftc("recommend", *words, "--export", "axolotl")
    assert "warning: memory: micro-batch x accumulation is " in said
    assert "# warning: memory: micro-batch x accumulation is " in text
