"""What must hold for every configuration, tried on many."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tool.load import Repo
from tool.memory import bounds, fit
from tool.schema.fit import FitAnswer, FitRequest

MODELS = (
    "meta-llama/Llama-3.1-8B",
    "Qwen/Qwen2.5-0.5B",
    "google/gemma-2-2b",
    "mistralai/Mixtral-8x7B-v0.1",
    "EleutherAI/pythia-1.4b",
    "Qwen/Qwen3-4B",
    "LiquidAI/LFM2-1.2B",
)
REQUESTS = st.fixed_dictionaries(
    {
        "model": st.sampled_from(MODELS),
        "method": st.sampled_from(("full", "lora", "qlora", "dora")),
        "framework": st.sampled_from(("transformers", "unsloth", "torchtune", "ms-swift", "trl 1.16", None)),
        "dtype": st.sampled_from(("bf16", "fp16")),
        "optimizer": st.sampled_from(("adamw", "adamw_torch_fused", "adamw_8bit", "sgd", "adafactor")),
        "lora_r": st.sampled_from((4, 8, 16, 64)),
        "lora_targets": st.sampled_from(("q,v", "q,k,v,o", "all-linear")),
        "micro_batch": st.integers(1, 16),
        "seq_len": st.integers(16, 8192),
        "seq_len_kind": st.sampled_from(("packed", "padded-max", None)),
        "grad_checkpointing": st.booleans(),
        "attention": st.sampled_from(("eager", "sdpa", "flash")),
        "chunked_or_fused_loss": st.booleans(),
        "kbit_preparation": st.booleans(),
        "gpus": st.sampled_from((1, 2, 8)),
        "sharding": st.sampled_from(("ddp", "fsdp", "zero2", "zero3")),
        "objective": st.sampled_from(("sft", "dpo", "grpo", "kto")),
        "gpu": st.just("A100-80GB"),
    }
)
CHECK = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
SLACK = 1.0 + 1e-3
"""Answers are rounded to four significant digits."""


def ask(repo: Repo, fields: dict[str, Any], **changes: Any) -> FitAnswer:
    return fit(repo, FitRequest.model_validate({**fields, **changes}))


def size(answer: FitAnswer) -> float:
    assert answer.allocated_gib is not None
    return answer.allocated_gib


@CHECK
@given(fields=REQUESTS)
def test_terms_of_the_peak_phase_sum_to_the_estimate(repo: Repo, fields: dict[str, Any]) -> None:
    """Every byte of the estimate belongs to a named term."""
    answer = ask(repo, fields)
    assert abs(sum(answer.terms.values()) - size(answer)) <= 2e-3 * size(answer)


@CHECK
@given(fields=REQUESTS)
def test_figures_are_ordered(repo: Repo, fields: dict[str, Any]) -> None:
    """The allocator holds at least what tensors take, the driver shows at least that, and the bound is no lower."""
    answer = ask(repo, fields)
    assert answer.reserved_gib is not None
    assert answer.process_gib is not None
    assert answer.upper_gib is not None
    assert size(answer) <= answer.reserved_gib * SLACK
    assert answer.reserved_gib <= answer.process_gib * SLACK
    assert size(answer) <= answer.upper_gib * SLACK


@CHECK
@given(fields=REQUESTS, batch=st.integers(0, 16), length=st.integers(0, 4096))
def test_memory_grows_with_batch_and_length(repo: Repo, fields: dict[str, Any], batch: int, length: int) -> None:
    """More sequences or longer ones never take less."""
    bigger = ask(repo, fields, micro_batch=fields["micro_batch"] + batch, seq_len=fields["seq_len"] + length)
    assert size(bigger) * SLACK >= size(ask(repo, fields))


@CHECK
@given(fields=REQUESTS, more=st.sampled_from((1, 2, 8)))
def test_memory_grows_with_rank(repo: Repo, fields: dict[str, Any], more: int) -> None:
    """A higher rank never takes less."""
    assert size(ask(repo, fields, lora_r=fields["lora_r"] * more)) * SLACK >= size(ask(repo, fields))


@CHECK
@given(fields=REQUESTS)
def test_memory_grows_with_trainable_parameters(repo: Repo, fields: dict[str, Any]) -> None:
    """Adapters on more matrices, or whole copies beside them, never take less."""
    few, many = ask(repo, fields, lora_targets="q,v"), ask(repo, fields, lora_targets="all-linear")
    assert size(many) * SLACK >= size(few)
    assert size(ask(repo, fields, modules_to_save=["embed_tokens"])) * SLACK >= size(ask(repo, fields))


@CHECK
@given(fields=REQUESTS)
def test_memory_grows_without_checkpointing(repo: Repo, fields: dict[str, Any]) -> None:
    """Keeping all activations never takes less than keeping checkpoints."""
    kept, recomputed = (ask(repo, fields, grad_checkpointing=flag) for flag in (False, True))
    assert size(kept) * SLACK >= size(recomputed)


@CHECK
@given(fields=REQUESTS, words=st.integers(1, 100_000))
def test_memory_grows_with_the_vocabulary(repo: Repo, fields: dict[str, Any], words: int) -> None:
    """A larger vocabulary never takes less."""
    config = {
        "model_type": "llama",
        "architectures": ["LlamaForCausalLM"],
        "hidden_size": 1024,
        "num_hidden_layers": 4,
        "num_attention_heads": 16,
        "num_key_value_heads": 4,
        "intermediate_size": 2816,
        "vocab_size": 1000,
        "tie_word_embeddings": False,
    }
    small = ask(repo, fields, model=None, model_config=config)
    large = ask(repo, fields, model=None, model_config={**config, "vocab_size": 1000 + words})
    assert size(large) * SLACK >= size(small)


@CHECK
@given(fields=REQUESTS)
def test_fp32_takes_no_less_than_bf16(repo: Repo, fields: dict[str, Any]) -> None:
    """Twice the width never takes less. Eager attention in bf16 keeps the fp32 softmax and a narrow copy: left out."""
    attention = "sdpa" if fields["attention"] == "eager" else fields["attention"]
    wide, narrow = (ask(repo, fields, dtype=name, amp="none", attention=attention) for name in ("fp32", "bf16"))
    assert size(wide) * SLACK >= size(narrow)


@CHECK
@given(fields=REQUESTS)
def test_quantised_weights_take_no_more(repo: Repo, fields: dict[str, Any]) -> None:
    """Packed weights with their scales are no larger than 16-bit ones."""
    packed = ask(repo, fields, method="qlora", quant="nf4", kbit_preparation=False).terms
    plain = ask(repo, fields, method="lora", quant="none").terms
    assert packed["weights"] + packed["quantization_scales"] <= plain["weights"] * SLACK


@CHECK
@given(fields=REQUESTS)
def test_grid_of_bounds_equals_single_answers(repo: Repo, fields: dict[str, Any]) -> None:
    """One call for many sizes gives what many calls give, in the shape of the pairs."""
    batches, lengths = np.array([1, 3, 7])[:, None], np.array([64, 1000])
    grid = bounds(repo, FitRequest.model_validate(fields), batches, lengths)
    assert grid.shape == (3, 2)
    for row, batch in enumerate(batches[:, 0]):
        for column, length in enumerate(lengths):
            single = ask(repo, fields, micro_batch=int(batch), seq_len=int(length)).upper_gib
            assert single is not None
            assert abs(grid[row, column] / single - 1.0) < 1e-3
