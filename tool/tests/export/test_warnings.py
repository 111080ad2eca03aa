"""What a framework cannot express is said in the file and on stderr, never dropped in silence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tool.errors import BadRequest
from tool.export import export
from tool.export.engine import Data
from tool.tests.export.plans import ROWS, plan

Changes = dict[str, Any]
SAMSUM = Data("org/rows", "document_summary", {"document": "dialogue", "summary": "summary"})
ALPACA = Data("org/rows", "instruction", ROWS["instruction"])
ULTRACHAT = Data("org/rows", "messages", ROWS["messages"], split="train_sft")
FSDP: Changes = {"gpus": 2, "sharding": "fsdp"}

# (framework, what is asked for, the field that the warning names, a word of it)
LOSSES: list[tuple[str, Changes, str, str]] = [
    ("trl", {"objective": "dpo", "packing": True}, "packing", "supervised fine-tuning only"),
    ("trl", {"objective": "cpt"}, "objective", "column `text`"),
    ("trl", {"objective": "grpo"}, "max_length", "answers get 512 of 1024 tokens"),
    ("trl", {"objective": "grpo"}, "reward", "accuracy_reward"),
    ("trl", {"objective": "grpo"}, "data", "question"),
    ("trl", {"data": ALPACA}, "data", "trl-script"),
    ("trl-script", {"objective": "kto", "packing": True}, "packing", "supervised fine-tuning only"),
    ("axolotl", {"objective": "simpo"}, "warmup_ratio", "share of 0.03 of 312 steps"),
    ("axolotl", {"objective": "grpo", "gpus": 8, "gradient_accumulation_steps": 1}, "generation", "for 4 steps"),
    ("axolotl", {"objective": "simpo", "packing": True}, "packing", "supervised fine-tuning only"),
    ("axolotl", {"data": ALPACA}, "data", "plain text"),
    ("axolotl", {"objective": "kto"}, "data", "label"),
    ("axolotl", {"objective": "grpo"}, "reward", "rewards.py"),
    ("axolotl", {"objective": "grpo"}, "max_length", "answers get 512 of 1024 tokens"),
    ("axolotl", {**FSDP, "optim": "adamw_bnb_8bit"}, "sharding", "adamw_torch_8bit"),
    ("axolotl", {**FSDP, "objective": "dpo", "adapter": "qlora"}, "sharding", "quantised dpo"),
    ("llamafactory", FSDP, "sharding", "accelerate"),
    ("llamafactory", {"objective": "dpo"}, "data", "one message each"),
    ("llamafactory", {"objective": "kto"}, "data", "label"),
    ("torchtune", {"precision": "fp16"}, "precision", "more memory"),
    ("torchtune", {"lr_scheduler_type": "linear"}, "lr_scheduler_type", "cosine and the constant"),
    ("torchtune", {"lr_scheduler_type": "constant"}, "warmup_ratio", "does not warm up"),
    ("torchtune", {}, "warmup_ratio", "share of 0.03 of 312 steps"),
    ("torchtune", {"rows": None}, "warmup_ratio", "--dataset-rows"),
    ("torchtune", {"num_train_epochs": 1.5}, "num_train_epochs", "whole epochs"),
    ("torchtune", {"adapter": "qlora", "quantization": "nf4"}, "quantization", "double-quantised"),
    ("torchtune", {"quantization": "int8"}, "quantization", "not int8"),
    ("torchtune", {"optim": "adafactor"}, "optim", "none for adafactor"),
    ("torchtune", {"objective": "cpt"}, "objective", "data set of texts"),
    ("torchtune", {"objective": "dpo", "packing": True}, "packing", "supervised fine-tuning only"),
    ("torchtune", {"data": ALPACA}, "data", "leaves out column input"),
    ("torchtune", {"use_rslora": True}, "use_rslora", "no key"),
    ("oumi", {"precision": "fp16"}, "precision", "loaded in fp32"),
    ("oumi", {"num_train_epochs": 1.5}, "num_train_epochs", "whole epochs"),
    ("oumi", {"adapter": "dora"}, "adapter", "no DoRA"),
    ("oumi", {"objective": "cpt"}, "objective", "column of texts"),
    ("oumi", {"objective": "dpo"}, "data", "no class for org/rows"),
    ("oumi", {"objective": "grpo"}, "reward", "gsm8k"),
    ("oumi", {"use_rslora": True}, "use_rslora", "no key"),
    ("ms-swift", {"packing": True}, "packing", "FlashAttention only"),
    ("ms-swift", {"gpus": 2, "adapter": "full", "sharding": "zero2"}, "sharding", "shares out the weights too"),
    ("ms-swift", {**FSDP, "gradient_checkpointing": False}, "gradient_checkpointing", "in any case"),
    ("ms-swift", {"data": ULTRACHAT}, "data", "train_sft"),
    ("ms-swift", {"objective": "dpo"}, "data", "rejected_response"),
    ("ms-swift", {"objective": "kto"}, "data", "label"),
    ("ms-swift", {"objective": "grpo"}, "reward", "solution"),
    ("unsloth", {"gpus": 2}, "gpus", "accumulation is raised"),
    ("unsloth", FSDP, "sharding", "one card needs more"),
    ("unsloth", {"adapter": "qlora", "quantization": "nf4"}, "quantization", "always have double-quantised"),
    ("unsloth", {"attn_implementation": "eager"}, "attn_implementation", "itself"),
]


@pytest.mark.parametrize(("name", "changes", "field", "word"), LOSSES, ids=lambda value: str(value)[:60])
def test_each_loss_is_a_warning_in_the_file(name: str, changes: Changes, field: str, word: str) -> None:
    """The file's own head names the field and why; the caller gets the same sentence for stderr."""
    done = export(name, plan(**changes))
    said = [warning for warning in done.warnings if warning.startswith(f"{field}: ")]
    assert said, done.warnings
    assert word in said[0]
    assert f"# warning: {said[0]}" in done.text.splitlines()


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("trl", {}),
        ("trl-script", {}),
        ("axolotl", {}),
        ("llamafactory", {"data": ALPACA}),
        ("torchtune", {"lr_scheduler_type": "constant", "warmup_ratio": 0.0}),
        ("oumi", {}),
        ("ms-swift", {}),
        ("unsloth", {}),
    ],
)
def test_a_plan_that_is_held_whole_has_no_warning(name: str, changes: Changes) -> None:
    """Warnings mean something: the plain case has none."""
    assert not export(name, plan(**changes)).warnings


@pytest.mark.parametrize(
    ("name", "objective"), [("llamafactory", "grpo"), ("torchtune", "orpo"), ("oumi", "simpo"), ("unsloth", "kto")]
)
def test_an_objective_that_is_lacking_is_refused(name: str, objective: str) -> None:
    """No file for another objective in its place; the refusal names those that there are."""
    with pytest.raises(BadRequest, match=f"does not train {objective} .it trains .*sft"):
        export(name, plan(objective=objective))


@pytest.mark.parametrize(("quantization", "once"), [("none", "true"), ("nf4-dq", "false")])
def test_axolotl_reads_a_sharded_model_once_where_it_can(quantization: str, once: str) -> None:
    """Eight processes that each read 70B take 1.1 TB of host memory; Axolotl refuses the cure for 4-bit weights."""
    adapter = "lora" if quantization == "none" else "qlora"
    text = export("axolotl", plan(**FSDP, adapter=adapter, quantization=quantization)).text
    assert f"cpu_ram_efficient_loading: {once}\n" in text


def test_warnings_are_on_stderr_too(ftc: Callable[..., tuple[int, str, str]]) -> None:
    """stdout is the file alone, with its warnings; stderr repeats them for who redirects it."""
    asked = ("--model", "Qwen/Qwen2.5-7B-Instruct", "--task", "chat", "--gpu", "A100-80GB", "--export", "torchtune")
    code, text, said = ftc("recommend", *asked)
    assert code == 0
    assert "warning: warmup_ratio: torchtune counts warm-up in steps" in said
    assert [f"# {line}" for line in said.splitlines()] == [line for line in text.splitlines() if "warning:" in line]
