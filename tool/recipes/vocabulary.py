"""Native words for schedulers, optimizers, precisions and adapters → the words of Hugging Face, TRL and PEFT."""

from __future__ import annotations

import re

OBJECTIVES = ("sft", "dpo", "orpo", "kto", "simpo", "cpt", "grpo")
ADAPTERS = ("full", "lora", "qlora", "dora")

_SCHEDULERS = {
    "cosineannealinglr": "cosine",
    "cosine": "cosine",
    "cosine_with_warmup": "cosine",
    "get_cosine_schedule_with_warmup": "cosine",
    "cosine_decay": "cosine",
    "cosine_with_min_lr": "cosine_with_min_lr",
    "cosine_with_restarts": "cosine_with_restarts",
    "linear": "linear",
    "linear_decay_with_warmup": "linear",
    "constant": "constant",
    "constant_with_warmup": "constant_with_warmup",
    "polynomial": "polynomial",
    "inverse_sqrt": "inverse_sqrt",
    "wsd": "warmup_stable_decay",
    "warmup_stable_decay": "warmup_stable_decay",
    "onecyclelr": "cosine",
}
_OPTIMIZERS = {
    "adamw": "adamw_torch",
    "adam": "adamw_torch",
    "adamw_hf": "adamw_torch",
    "decoupled_adamw": "adamw_torch",
    "adamw_apex_fused": "adamw_torch_fused",
    "fusedadam": "adamw_torch_fused",
    "adamw_8bit": "adamw_bnb_8bit",
    "adamw8bit": "adamw_bnb_8bit",
    "adam8bit": "adamw_bnb_8bit",
    "pagedadamw": "paged_adamw_32bit",
    "pagedadamw32bit": "paged_adamw_32bit",
    "pagedadamw8bit": "paged_adamw_8bit",
    "paged_adamw": "paged_adamw_32bit",
    "decoupled_lionw": "lion",
    "sgd": "sgd",
}
_PRECISIONS = {
    "bf16": "bf16",
    "bfloat16": "bf16",
    "bf16-true": "bf16",
    "bf16-mixed": "bf16",
    "bf16_mixed": "bf16",
    "amp_bf16": "bf16",
    "fp16": "fp16",
    "float16": "fp16",
    "half": "fp16",
    "16-true": "fp16",
    "16-mixed": "fp16",
    "amp_fp16": "fp16",
    "fp32": "fp32",
    "float32": "fp32",
    "32-true": "fp32",
    "no": "fp32",
}
_COMPUTED = re.compile(r"[\s$({]")


def last_part(text: str) -> str:
    """`torch.optim.AdamW` → `AdamW`."""
    return text.rsplit(".", 1)[-1]


def scheduler(text: str | None) -> str | None:
    """The Hugging Face name of a schedule; an unknown name stays, in lower case."""
    if text is None or _COMPUTED.search(text):
        return None
    word = last_part(text).lower()
    return _SCHEDULERS.get(word, word)


def optimizer(text: str | None, fused: bool | None = None) -> str | None:
    """The Hugging Face name of an optimizer; an unknown name stays, in lower case."""
    if text is None or _COMPUTED.search(text):
        return None
    word = last_part(text).lower()
    name = _OPTIMIZERS.get(word, word)
    return "adamw_torch_fused" if fused and name == "adamw_torch" else name


def precision(text: str | None) -> str | None:
    """bf16, fp16 or fp32; None for `auto` and for what a program computes."""
    if text is None:
        return None
    return _PRECISIONS.get(last_part(text).lower())
