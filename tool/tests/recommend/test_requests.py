"""Odd requests: types, names, config.json files, batches that a trainer would refuse, and sizes beyond reach."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from tool.errors import BadRequest
from tool.load import Repo, open_repo
from tool.recipes import load_recipes
from tool.recommend import reach, recommend
from tool.recommend.hours import active_parameters
from tool.recommend.knowledge import current_knowledge
from tool.recommend.question import ask as ask_question
from tool.schema.recommendation import Recommendation, RecommendRequest
from tool.tests.conftest import ROOT

Ftc = Callable[..., tuple[int, str, str]]
REPO: Repo = open_repo(ROOT)
LLAMA = "meta-llama/Llama-3.1-8B-Instruct"
VISION = {
    "model_type": "qwen2_5_vl",
    "architectures": ["Qwen2_5_VLForConditionalGeneration"],
    "text_config": {
        "model_type": "qwen2",
        "hidden_size": 2048,
        "num_hidden_layers": 36,
        "num_attention_heads": 16,
        "num_key_value_heads": 2,
        "intermediate_size": 11008,
        "vocab_size": 151936,
        "max_position_embeddings": 128000,
        "tie_word_embeddings": True,
    },
}


def ask(**fields: object) -> Recommendation:
    return recommend(REPO, RecommendRequest.model_validate(fields), current_knowledge(REPO))


@pytest.mark.parametrize("wrong", [{"params_b": True}, {"params_b": "8"}, {"gpus": "4"}, {"gpus": True}, {"gpus": 2.5}])
def test_numbers_are_numbers(wrong: dict[str, object]) -> None:
    """A text or a boolean where a number belongs is an error, not a guess; an integral 4.0 is four."""
    with pytest.raises(ValidationError):
        RecommendRequest.model_validate({"task": "chat", "params_b": 8, **wrong})
    assert RecommendRequest.model_validate({"task": "chat", "gpus": 4.0}).gpus == 4


def test_a_multimodal_decoder_is_no_encoder_decoder() -> None:
    """ConditionalGeneration in the name of a class says nothing: Qwen2.5-VL and ChatGLM are decoders."""
    answer = ask(model_config=VISION, task="chat", gpu="A100-80GB")
    assert not answer.constrained_safe
    assert answer.config["learning_rate"] < 1e-3
    assert ask(model="THUDM/glm-4-9b-chat", task="chat").config["learning_rate"] < 1e-3


def test_an_unsupported_config_is_answered_from_its_size() -> None:
    """Without a size the error names model_config; with one, a constrained-safe answer that says so."""
    with pytest.raises(BadRequest) as caught:
        ask(model_config={"model_type": "warp9"}, task="chat")
    assert caught.value.field == "model_config"
    answer = ask(model_config={"model_type": "warp9"}, params_b=7, task="chat")
    assert answer.constrained_safe
    assert any("warp9" in warning for warning in answer.warnings)
    with pytest.raises(BadRequest) as caught:
        ask(model_config={**VISION["text_config"], "num_hidden_layers": -3}, task="chat")  # type: ignore[dict-item]
    assert caught.value.field == "model_config.num_hidden_layers"


def test_lengths_stay_within_learned_positions() -> None:
    """BERT has 512 positions and RoBERTa 512 for tokens: a longer input would stop the training with an error."""
    for model in ("google-bert/bert-base-uncased", "FacebookAI/roberta-base"):
        answer = ask(model=model, task="classification", gpu="T4", seq_len=4096)
        assert answer.config["max_length"] == 512
        assert any("lowered to 512" in warning for warning in answer.warnings)


@pytest.mark.parametrize("gpus", [1, 3, 7, 64])
def test_grpo_batches_hold_whole_groups(gpus: int) -> None:
    """TRL refuses a generation batch that num_generations does not divide."""
    answer = ask(model=LLAMA, objective="grpo", gpus=gpus)
    assert answer.effective_batch_size % answer.config["num_generations"] == 0


def test_kto_keeps_pairs_on_many_cards() -> None:
    """More cards than the batch has rows: still two rows a card, and it fits."""
    answer = ask(model="Qwen/Qwen2.5-0.5B", objective="kto", gpu="H100-80GB", gpus=64)
    assert answer.config["per_device_train_batch_size"] >= 2
    assert answer.vram is not None and answer.vram.verdict == "fits"
    assert any("effective batch" in warning for warning in answer.warnings)
    assert ask(model="Qwen/Qwen2.5-0.5B", objective="kto", gpus=5).config["per_device_train_batch_size"] >= 2


@pytest.mark.parametrize(
    "absurd", [{"seq_len": 10_000_000}, {"params_b": 5000}, {"params_b": 0.002}, {"gpus": 100_000}]
)
def test_beyond_reach_is_constrained_safe(absurd: dict[str, object]) -> None:
    """Sizes, lengths and clusters that nobody published are flagged, with or without an engine."""
    assert ask(**{"params_b": 7, "task": "chat", **absurd}).constrained_safe
    assert not ask(params_b=7, task="chat", seq_len=131_072, gpus=64).constrained_safe


def test_the_reach_is_that_of_the_recipes() -> None:
    """The bounds written down are the extremes of registry/recipes, at most a factor of two off."""
    recipes = load_recipes(ROOT).recipes
    lengths = [recipe.max_length for recipe in recipes if recipe.max_length]
    sizes = [recipe.params_b * 1e9 for recipe in recipes if recipe.params_b]
    for stated, seen in ((reach.TOKENS, lengths), (reach.PARAMETERS, sizes)):
        assert stated[0] / 2 <= min(seen) <= stated[0] * 2
        assert stated[1] / 2 <= max(seen) <= stated[1] * 2
    assert max(recipe.gpus or 1 for recipe in recipes) <= reach.GPUS


def test_refused_lines_echo_their_id_and_name_the_mend(tmp_path: Path, ftc: Ftc) -> None:
    """NaN, doubled keys, half a surrogate pair, an unknown engine, a typo: each one line with id and field; exit 2."""
    lines = [
        '{"id":"nan","params_b":NaN,"task":"chat"}',
        '{"id":"twice","task":"chat","task":"code","params_b":1}',
        '{"id":"half","task":"chat","model":"\\ud800","params_b":1}',
        '{"id":"engine","task":"chat","params_b":1,"engine":"../x"}',
        '{"id":"typo","task":"chat","params_b":1,"platform":"colba"}',
        '{"id":[1],"task":"chat","params_b":1}',
        '{"id":"long","task":"chat","model":"' + "x" * 10_000 + '"}',
        '{"id":"blank","task":" ","objective":"sft","params_b":1}',
    ]
    (tmp_path / "q.jsonl").write_text("\n".join(lines))
    code, out, _ = ftc("recommend", "--requests", tmp_path / "q.jsonl", "--root", ROOT, "--output", "jsonl")
    answers = [json.loads(line) for line in out.splitlines()]
    assert code == 2
    assert [answer["id"] for answer in answers] == ["nan", "twice", "half", "engine", "typo", None, "long", "blank"]
    assert [answer["error"]["field"] for answer in answers[:6]] == ["params_b", "task", "", "engine", "platform", "id"]
    assert "did you mean 'colab'" in answers[4]["error"]["message"]
    assert len(answers[6]["error"]["message"]) < 400
    assert not answers[7]["constrained_safe"]


def test_one_question_as_one_line(ftc: Ftc) -> None:
    """--output jsonl prints the answer on one line."""
    code, out, _ = ftc("recommend", "--params-b", "7", "--task", "chat", "--root", ROOT, "--output", "jsonl")
    assert code == 0
    assert out.count("\n") == 1 and json.loads(out)["config"]["adapter"]


def test_a_folder_that_is_no_repository(tmp_path: Path, ftc: Ftc) -> None:
    """One clear sentence, exit 2."""
    code, _, err = ftc("recommend", "--params-b", "7", "--task", "chat", "--root", tmp_path)
    assert code == 2
    assert "is no repository" in err


@pytest.mark.parametrize(
    ("model", "billions"),
    [("mistralai/Mixtral-8x7B-v0.1", 12.9), ("Qwen/Qwen3-30B-A3B", 3.3), ("Qwen/Qwen2.5-7B", 7.6)],
)
def test_only_chosen_experts_take_time(model: str, billions: float) -> None:
    """A token passes through the published number of active parameters (model cards), within five percent."""
    subject = ask_question(REPO, RecommendRequest(model=model, task="chat")).subject
    assert active_parameters(subject) / 1e9 == pytest.approx(billions, rel=0.05)


@pytest.mark.parametrize("strategy", ["auto", "deterministic", "hybrid", "hybrid_ml"])
def test_orpo_keeps_its_own_rate(strategy: str) -> None:
    """ORPO holds the SFT loss: full fine-tuning takes far more than DPO, which fills the pooled group of recipes."""
    full = {"params_b": 8, "adapter": "full", "strategy": strategy}
    answer = ask(objective="orpo", **full)
    assert 4e-6 <= answer.config["learning_rate"] <= 1.6e-5
    assert ask(objective="dpo", **full).config["learning_rate"] <= 1e-6
    assert "2403.07691" in next(reason.source for reason in answer.reasons if reason.field == "learning_rate")


def test_a_foreign_objective_is_answered_by_its_own_kind() -> None:
    """PPO at the rate of SFT would diverge: methods that sample are answered as GRPO, pairwise ones as DPO."""
    for objective, kind, most in (("ppo", "grpo", 1e-5), ("DAPO", "grpo", 1e-5), ("ipo", "dpo", 5e-6)):
        answer = ask(params_b=7, objective=objective, adapter="lora")
        assert answer.constrained_safe and answer.config["objective"] == kind
        assert answer.config["learning_rate"] < most
    assert ask(params_b=7, objective="reward", adapter="lora").constrained_safe


def test_an_objective_that_names_a_task_means_the_task() -> None:
    """`pretrain` is no objective of ours, but everyone knows what is meant."""
    answer = ask(params_b=7, objective="pretrain")
    assert not answer.constrained_safe and answer.config["objective"] == "cpt"


def test_variants_of_lora_are_no_misspellings_and_none_is_full() -> None:
    """`adapter: none` is how frameworks write full fine-tuning; rsLoRA is answered as LoRA, with caution."""
    assert ask(params_b=3, task="chat", adapter="none").config["adapter"] == "full"
    for name in ("rslora", "LoRA+"):
        answer = ask(params_b=3, task="chat", adapter=name)
        assert answer.constrained_safe and answer.config["adapter"] == "lora"
    with pytest.raises(BadRequest):
        ask(params_b=3, task="chat", adapter="qlroa")


def test_hours_of_reinforcement_are_unknown() -> None:
    """Most of the time goes into writing answers, which the arithmetic of training does not see: null, not a guess."""
    asked = {"model": LLAMA, "gpu": "A100-SXM4-80GB", "dataset_rows": 1000}
    assert ask(**asked, objective="grpo").estimated_hours is None
    assert ask(**asked, objective="dpo").estimated_hours is not None


def test_a_mixture_of_experts_says_what_does_not_reach_them() -> None:
    """Neither 4-bit loading nor `all-linear` takes the experts, and no dense model speaks of them."""
    for model, told in (("Qwen/Qwen3-30B-A3B", True), (LLAMA, False)):
        answer = ask(model=model, task="chat", adapter="qlora", gpu="A100-80GB")
        rules = {reason.field: reason.rule for reason in answer.reasons}
        assert ["experts" in rules[field] for field in ("quantization", "target_modules")] == [told, told]
        assert answer.vram is not None
        assert any("experts" in line for line in answer.vram.assumptions) == told


@pytest.mark.parametrize(
    "model", ["google/gemma-2-2b", "bigscience/bloom-560m", "EleutherAI/gpt-j-6b", "openai/gpt-oss-20b"]
)
def test_models_without_sdpa_are_not_told_to_use_it(model: str) -> None:
    """transformers 5.23 raises where SDPA is named for a model that has none, as exports do."""
    answer = ask(model=model, task="chat", adapter="lora", gpu="H100-80GB")
    assert answer.config["attn_implementation"] == "eager"
    assert "_supports_sdpa" in next(r.source for r in answer.reasons if r.field == "attn_implementation")
    assert ask(model=LLAMA, task="chat", gpu="H100-80GB").config["attn_implementation"] == "sdpa"
