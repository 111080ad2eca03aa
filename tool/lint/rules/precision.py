"""bf16, fp16 and quantised loading."""

from __future__ import annotations

from collections.abc import Iterator

from tool.lint.finding import Finding
from tool.lint.view import EIGHT_BIT, FOUR_BIT, View


def two_precisions(view: View) -> Iterator[Finding]:
    first, second = view.on("bf16", "bfloat16"), view.on("fp16", "float16")
    if first and second:
        yield view.find("two-precisions", second, f"{first} and {second} are both on", "keep bf16, or fp16 on a T4")


def two_quantisations(view: View) -> Iterator[Finding]:
    four, eight = view.on(*FOUR_BIT), view.on(*EIGHT_BIT)
    if four and eight:
        yield view.find("two-quantisations", eight, f"{four} and {eight} are both on", "keep one of them")


def quantised_full(view: View) -> Iterator[Finding]:
    """Unsloth has a flag for training all weights; elsewhere that is the absence of an adapter."""
    key = view.quantised
    switch = view.on("full_finetuning")
    if key and switch:
        yield view.find("quantised-full", key, f"{key} with {switch}", "train all weights, or 4-bit ones by an adapter")
    elif key and view.draft is not None and view.draft.adapter == "full" and _is_training_call(view):
        mend = "add an adapter, or load the weights in 16 bits"
        yield view.find("quantised-full", key, f"{key} without an adapter: quantised weights cannot be trained", mend)


def _is_training_call(view: View) -> bool:
    """In Python an adapter may be built out of sight, as by `peft_config=config` read from elsewhere."""
    if not view.document.calls:
        return True
    return not view.get("peft_config", "get_peft_model.r")[0] and bool(view.get("learning_rate")[0])


RULES = (two_precisions, two_quantisations, quantised_full)
