"""Values far from practice, and what the card or the model does not allow."""

from __future__ import annotations

import random
from typing import Any

from evaluation.lint_report.carrier import Carrier, Kind


def rate_of_lora_for_all_weights(carrier: Carrier, rng: random.Random) -> tuple[str, ...] | None:
    """Below a billion parameters such rates are no rarity, so that it is no fault there."""
    key = carrier.key("learning_rate")
    large = (carrier.billions or 0) >= 1
    if key is None or not large or carrier.adapter != "full" or carrier.objective not in ("sft", "dpo", "grpo"):
        return None
    carrier.config[key] = rng.choice([2e-4, 3e-4])
    return ("rate-for-adapter", "unusual-value")


def rate_of_all_weights_for_lora(carrier: Carrier, rng: random.Random) -> tuple[str, ...] | None:
    key = carrier.key("learning_rate")
    if key is None or carrier.adapter == "full" or carrier.objective not in ("sft", "dpo"):
        return None
    carrier.config[key] = 1e-6 if carrier.objective == "sft" else 1e-8
    return ("rate-for-adapter", "unusual-value")


def hundredfold_rate(carrier: Carrier, rng: random.Random) -> tuple[str, ...] | None:
    key = carrier.key("learning_rate")
    if key is None:
        return None
    carrier.config[key] = 0.02 if carrier.objective == "sft" else 2e-3
    return ("unusual-value", "rate-for-adapter")


def fifty_epochs(carrier: Carrier, rng: random.Random) -> tuple[str, ...] | None:
    key = carrier.key("epochs")
    if key is None or "max_epochs" in key:
        return None
    carrier.drop("max_steps", "train_iters")
    carrier.config[key] = rng.choice([50, 100])
    return ("many-passes",)


def bf16_on_a_turing_card(carrier: Carrier, rng: random.Random) -> tuple[str, ...] | None:
    carrier.options["gpu"] = "T4"
    carrier.drop("bf16", "fp16", "torch_dtype", "dtype", "torch_dtype_str")
    names = {"oumi": "model.torch_dtype_str", "torchtune": "dtype", "ms-swift": "torch_dtype"}
    if carrier.framework in names:
        carrier.config[names[carrier.framework]] = "bfloat16" if carrier.framework != "torchtune" else "bf16"
    else:
        carrier.put("bf16", True)
    return ("card-lacks-bf16",)


def flash_attention_on_a_turing_card(carrier: Carrier, rng: random.Random) -> tuple[str, ...] | None:
    keys: dict[str, tuple[str, Any]] = {
        "trl": ("attn_implementation", "flash_attention_2"),
        "axolotl": ("flash_attention", True),
        "llamafactory": ("flash_attn", "fa2"),
        "oumi": ("model.attn_implementation", "flash_attention_2"),
        "ms-swift": ("attn_impl", "flash_attn"),
    }
    if carrier.framework not in keys or carrier.calls:
        return None
    carrier.options["gpu"] = "T4"
    carrier.drop("attn_implementation", "attn_impl", "sdp_attention", "eager_attention", "use_flash_attn")
    key, value = keys[carrier.framework]
    carrier.config[key] = value
    return ("card-lacks-flash",)


def batch_that_no_card_holds(carrier: Carrier, rng: random.Random) -> tuple[str, ...] | None:
    key, length = carrier.key("micro_batch"), carrier.key("max_length")
    if key is None or not carrier.is_sized:
        return None
    carrier.options["gpu"] = "RTX-4090"
    carrier.config[key] = 512
    if length is not None:
        carrier.config[length] = 8192
    return ("memory",)


def modules_of_another_family(carrier: Carrier, rng: random.Random) -> tuple[str, ...] | None:
    if carrier.adapter == "full" or carrier.framework == "torchtune" or not carrier.is_sized:
        return None
    key = carrier.key("target_modules")
    if key is None:
        return None
    carrier.drop("lora_target_linear")
    wrong = ["query_key_value"]
    carrier.config[key] = ",".join(wrong) if carrier.framework == "llamafactory" else wrong
    return ("target-missing",)


def length_beyond_the_model(carrier: Carrier, rng: random.Random) -> tuple[str, ...] | None:
    key = carrier.key("max_length")
    if key is None or not carrier.is_sized:
        return None
    carrier.config[key] = 2_000_000
    return ("too-long-for-model",)


def more_rows_a_step_than_there_are(carrier: Carrier, rng: random.Random) -> tuple[str, ...] | None:
    key = carrier.key("micro_batch")
    if key is None:
        return None
    carrier.options["rows"] = 50
    carrier.config[key] = 64
    return ("batch-above-rows",)


def strong_beta(carrier: Carrier, rng: random.Random) -> tuple[str, ...] | None:
    key = carrier.key("beta")
    if carrier.objective not in ("dpo", "kto") or key is None:
        return None
    carrier.config[key] = 10
    return ("unusual-value",)


KINDS: tuple[Kind, ...] = (
    rate_of_lora_for_all_weights,
    rate_of_all_weights_for_lora,
    hundredfold_rate,
    fifty_epochs,
    bf16_on_a_turing_card,
    flash_attention_on_a_turing_card,
    batch_that_no_card_holds,
    modules_of_another_family,
    length_beyond_the_model,
    more_rows_a_step_than_there_are,
    strong_beta,
)
