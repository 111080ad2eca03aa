"""One answer: it fits, says why, and refuses what it cannot understand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tool.errors import BadRequest
from tool.load import Repo, open_repo
from tool.recommend import recommend
from tool.recommend.knowledge import current_knowledge
from tool.schema.recommendation import Recommendation, RecommendRequest
from tool.tests.conftest import ROOT

Ftc = Callable[..., tuple[int, str, str]]
REPO: Repo = open_repo(ROOT)
FLAGSHIP = {
    "model": "meta-llama/Llama-3.1-8B-Instruct",
    "task": "instruction_following",
    "adapter": "qlora",
    "platform": "colab",
    "plan": "free",
}


def ask(**fields: object) -> Recommendation:
    return recommend(REPO, RecommendRequest.model_validate(fields), current_knowledge(REPO))


def test_the_flagship_question_is_answered() -> None:
    """An 8B model by QLoRA on a free T4: fits, in fp16, pinned, every field with a reason and a source."""
    answer = ask(**FLAGSHIP)
    assert answer.vram is not None
    assert answer.vram.verdict == "fits"
    assert answer.vram.upper_gib is not None and answer.vram.usable_gib is not None
    assert answer.vram.upper_gib <= answer.vram.usable_gib <= 14.6
    assert answer.config["precision"] == "fp16"
    assert answer.config["quantization"] == "nf4-dq"
    assert answer.dependencies is not None and answer.dependencies.pins
    explained = {reason.field for reason in answer.reasons if reason.rule and reason.source}
    assert {name for name, value in answer.config.items() if value is not None} <= explained
    assert not answer.constrained_safe
    assert 1e-5 <= answer.config["learning_rate"] <= 1e-3


def test_the_effective_batch_is_the_product_of_its_parts() -> None:
    """Per device x accumulation x cards."""
    answer = ask(model="Qwen/Qwen2.5-7B", task="chat", adapter="lora", gpu="A100-80GB", gpus=4)
    config = answer.config
    product = config["per_device_train_batch_size"] * config["gradient_accumulation_steps"] * 4
    assert answer.effective_batch_size == product


@pytest.mark.parametrize(("gpu", "precision"), [("T4", "fp16"), ("A100-80GB", "bf16"), ("V100-32GB", "fp16")])
def test_precision_follows_the_card(gpu: str, precision: str) -> None:
    """bf16 only where the card has it."""
    assert ask(model="Qwen/Qwen2.5-0.5B", task="chat", adapter="lora", gpu=gpu).config["precision"] == precision


def test_checkpointing_only_when_needed() -> None:
    """A small model on a large card keeps its activations."""
    assert not ask(model="Qwen/Qwen2.5-0.5B", task="chat", gpu="H100-80GB").config["gradient_checkpointing"]
    assert ask(**FLAGSHIP).config["gradient_checkpointing"]


def test_auto_takes_qlora_when_lora_does_not_fit() -> None:
    """An 8B model in 16 bits leaves no room on a T4."""
    assert ask(**{**FLAGSHIP, "adapter": "auto"}).config["adapter"] == "qlora"
    assert ask(model="meta-llama/Llama-3.1-8B", task="chat", gpu="H100-80GB").config["adapter"] == "lora"


def test_what_does_not_fit_says_what_would() -> None:
    """70B on a T4: no, and which card would do."""
    answer = ask(model="meta-llama/Llama-3.3-70B-Instruct", task="chat", adapter="qlora", gpu="T4")
    assert answer.vram is not None and answer.vram.verdict != "fits"
    assert any(warning.startswith("it would fit on") for warning in answer.warnings)


def test_several_cards_get_a_sharding_plan() -> None:
    """Full fine-tuning of 8B on four A100-40GB needs sharding, and the answer says which."""
    answer = ask(model="meta-llama/Llama-3.1-8B", task="chat", adapter="full", gpu="A100-40GB", gpus=4)
    assert answer.config["sharding"] in ("fsdp", "zero2", "zero3")


def test_no_hardware_means_no_memory_claim() -> None:
    """Hyperparameters only; gpus alone counts towards the batch."""
    answer = ask(params_b=7, task="chat", gpus=4)
    assert answer.vram is None
    assert answer.effective_batch_size % 4 == 0


def test_encoders_have_their_own_rate() -> None:
    """An encoder takes 1e-5 to 6e-5 in full fine-tuning, not an adapter's 2e-4."""
    answer = ask(model="google-bert/bert-base-uncased", task="classification", gpu="T4")
    assert answer.config["adapter"] == "full"
    assert 1e-5 <= answer.config["learning_rate"] <= 6e-5


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"model": "meta-llama/Llama-3.1-8B-Instrct"}, "model", "did you mean 'meta-llama/Llama-3.1-8B-Instruct'"),
        ({"gpu": "RTX-4900", "platform": None, "plan": None}, "gpu", "did you mean"),
        ({"task": "instruction_folowing"}, "task", "did you mean 'instruction_following'"),
        ({"platform": "colba"}, "platform", "did you mean 'colab'"),
        ({"plan": "fre"}, "plan", "did you mean 'free'"),
        ({"platform": None}, "plan", "needs a platform"),
        ({"adapter": "qlorra"}, "adapter", "did you mean 'qlora'"),
        ({"task": None}, "task", "a task or an objective is needed"),
        ({"model": None}, "model", "one of model"),
        ({"gpu": "H100-80GB"}, "gpu", "does not offer"),
    ],
)
def test_bad_names_are_one_clear_error(fields: dict[str, object], field: str, words: str) -> None:
    """The field, the fault and the mend."""
    request = {key: value for key, value in {**FLAGSHIP, **fields}.items() if value is not None}
    with pytest.raises(BadRequest) as caught:
        ask(**request)
    assert caught.value.field == field
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "fields",
    [
        {"task": "protein_folding", "params_b": 7},
        {"objective": "ppo", "params_b": 7, "task": "chat"},
        {"model": "acme/unheard-of-9b", "params_b": 9, "task": "chat"},
        {"model": "google-bert/bert-base-uncased", "task": "reinforcement"},
        {"adapter": "prefix_tuning", "params_b": 3, "task": "chat"},
    ],
)
def test_what_the_data_do_not_support_is_constrained_safe(fields: dict[str, object]) -> None:
    """Capped values, low confidence, a warning."""
    answer = ask(**fields)
    assert answer.constrained_safe
    assert answer.confidence <= 0.3
    assert any("constrained-safe" in warning for warning in answer.warnings)


def test_republished_names_resolve() -> None:
    """unsloth and NousResearch copies are the original; the answer says so."""
    answer = ask(model="unsloth/Llama-3.1-8B", task="chat")
    assert any("meta-llama/Llama-3.1-8B" in warning for warning in answer.warnings)


MODELS = (
    "Qwen/Qwen2.5-0.5B",
    "Qwen/Qwen2.5-7B",
    "meta-llama/Llama-3.2-1B",
    "google/gemma-2-9b",
    "meta-llama/Llama-3.1-70B",
)
GPUS = ("T4", "L4", "RTX-4090", "A100-40GB", "H100-80GB")


@settings(max_examples=40, deadline=None)
@given(
    model=st.sampled_from(MODELS),
    gpu=st.sampled_from(GPUS),
    gpus=st.sampled_from([1, 2, 8]),
    adapter=st.sampled_from(["auto", "full", "lora", "qlora"]),
    task=st.sampled_from(["chat", "preference", "reasoning", "continued_pretraining"]),
    seq_len=st.sampled_from([None, 256, 4096]),
    rows=st.sampled_from([None, 50, 5000]),
)
def test_a_recommendation_that_says_fits_is_under_the_card(**fields: object) -> None:
    """For any request: the bound is below the usable memory, or the verdict is not `fits`; it serialises."""
    request = {key: value for key, value in fields.items() if key not in ("seq_len", "rows")}
    answer = ask(**request, seq_len=fields["seq_len"], dataset_rows=fields["rows"])
    assert answer.vram is not None
    if answer.vram.verdict == "fits":
        assert answer.vram.upper_gib is not None and answer.vram.usable_gib is not None
        assert answer.vram.upper_gib <= answer.vram.usable_gib
    json.dumps(answer.model_dump(mode="json"), allow_nan=False)
    assert 0 <= answer.confidence <= 1


def test_a_batch_answers_every_line_in_order(tmp_path: Path, ftc: Ftc) -> None:
    """A broken line amid a batch is answered as an error; the rest is unharmed; exit 2."""
    lines = [json.dumps({"id": 1, **FLAGSHIP}), "{broken", json.dumps({"id": 3, "task": "chat", "params_b": -1})]
    lines += [json.dumps({"id": 4, "task": "chat", "params_b": 7, "colour": "red"}), json.dumps({"id": 5, **FLAGSHIP})]
    (tmp_path / "q.jsonl").write_text("\n".join(lines) + "\n")
    code, out, _ = ftc("recommend", "--requests", tmp_path / "q.jsonl", "--root", ROOT)
    answers = [json.loads(line) for line in out.splitlines()]
    assert code == 2
    assert [answer["id"] for answer in answers] == [1, None, 3, 4, 5]
    assert answers[0]["vram"]["verdict"] == "fits"
    assert answers[2]["error"]["field"] == "params_b"
    assert "colour" in answers[3]["error"]["field"] + answers[3]["error"]["message"]
    assert {**answers[0], "id": None} == {**answers[4], "id": None}


def test_the_command_prints_an_answer_for_people(ftc: Ftc) -> None:
    """Verdict first, then the configuration, then memory and pins."""
    arguments = [item for name, value in FLAGSHIP.items() for item in (f"--{name}", value)]
    code, out, _ = ftc("recommend", *arguments, "--root", ROOT, "--explain")
    assert code == 0
    assert out.startswith("fits: qlora sft")
    assert "learning_rate" in out and "trl==" in out


def test_a_refused_request_ends_in_exit_two(ftc: Ftc) -> None:
    """Bad usage is exit 2 with one line."""
    code, _, err = ftc("recommend", "--model", "gpt-17", "--task", "chat", "--root", ROOT)
    assert code == 2
    assert err.count("\n") == 1 and "unknown model 'gpt-17'" in err


def test_the_log_holds_one_event_an_answer(tmp_path: Path, ftc: Ftc) -> None:
    """--log appends request, engine, slot, configuration and confidence."""
    for _ in range(2):
        ftc("recommend", "--params-b", "7", "--task", "chat", "--root", ROOT, "--log", tmp_path / "log.jsonl")
    events = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert len(events) == 2
    assert events[0]["event"] == "recommendation"
    assert {"request", "engine", "slot", "config", "confidence"} <= set(events[0])
