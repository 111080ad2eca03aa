"""DeepSpeed, FSDP and what does not go with checkpointing."""

from __future__ import annotations

from collections.abc import Iterator

from tool.lint.finding import Finding
from tool.lint.view import View

_CHECKPOINTING = ("gradient_checkpointing", "enable_gradient_checkpointing", "activation_checkpointing")


def deepspeed_key(view: View) -> str:
    """The key that names a DeepSpeed configuration."""
    if view.framework == "oumi":
        return view.on("deepspeed.enable_deepspeed")
    return view.has("deepspeed")


def fsdp_key(view: View) -> str:
    """The key that turns FSDP on."""
    if view.framework == "oumi":
        return view.on("fsdp.enable_fsdp")
    off = str(view.get("fsdp")[1]).strip().lower() == "false"
    return "" if off else view.has("fsdp")


def two_shardings(view: View) -> Iterator[Finding]:
    first, second = deepspeed_key(view), fsdp_key(view)
    if first and second:
        yield view.find("two-shardings", second, f"{first} and {second} are both set", "keep one of them")


def fsdp_quantised(view: View) -> Iterator[Finding]:
    """bitsandbytes documentation, "FSDP-QLoRA": bnb_4bit_quant_storage must be the type of the other weights."""
    key, four = fsdp_key(view), view.on("load_in_4bit")
    named = view.has("bnb_4bit_quant_storage", "bnb_4bit_quant_storage_dtype")
    if key and four and not named and view.framework == "trl":
        message = f"{four} with {key}: 4-bit weights are stored as bytes, which FSDP cannot shard with the others"
        yield view.find("fsdp-quantised", four, message, "set bnb_4bit_quant_storage: bfloat16", "warning")


def cache_with_checkpointing(view: View) -> Iterator[Finding]:
    checkpointing, cache = view.on(*_CHECKPOINTING), view.on("use_cache")
    if checkpointing and cache:
        message = f"{cache} has no use in training and is turned off beside {checkpointing}"
        yield view.find("cache-with-checkpointing", cache, message, "set use_cache: false", "warning")


RULES = (two_shardings, fsdp_quantised, cache_with_checkpointing)
