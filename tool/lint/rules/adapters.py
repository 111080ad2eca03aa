"""LoRA and its settings."""

from __future__ import annotations

from collections.abc import Iterator

from tool.lint.finding import Finding
from tool.lint.names import NAMES
from tool.lint.view import View

ODD_RATIO = (0.25, 8.0)
"""lora_alpha / lora_r between these is within what careful people publish (generated/priors.yaml: 0.5 to 4)."""
_RANK = ("lora_r", "lora_rank")


def adapter_without_rank(view: View) -> Iterator[Finding]:
    """Axolotl alone has no default rank."""
    key, word = view.word("adapter")
    adapted = view.framework == "axolotl" and word in ("lora", "qlora")
    if adapted and not view.has("lora_r", "peft", "lora_model_dir"):
        yield view.find("adapter-without-rank", key, f"adapter: {word} without lora_r", "add lora_r, e.g. 16")


def adapter_unused(view: View) -> Iterator[Finding]:
    """Settings of an adapter beside a switch that is off, or in a file of TRL without `use_peft`."""
    key = view.has(*_RANK, "lora_alpha")
    if not key or view.draft is None or view.adapter != "full" or view.document.calls:
        return
    mends = {
        "trl": "add use_peft: true",
        "axolotl": "add adapter: lora",
        "llamafactory": "set finetuning_type: lora",
        "oumi": "set training.use_peft: true",
        "ms-swift": "set tuner_type: lora",
    }
    if view.framework in mends and _is_told(view):
        message = f"{key} has no effect: all weights will be trained"
        yield view.find("adapter-unused", key, message, f"{mends[view.framework]}, or remove it", "warning")


def _is_told(view: View) -> bool:
    """Whether the file really decides: a command line of someone's own script may set the switch inside."""
    return view.framework != "trl" or view.document.command is None or view.document.command.startswith("trl ")


def scaling_odd(view: View) -> Iterator[Finding]:
    rank_key, rank = view.number(*NAMES["lora_r"])
    key, alpha = view.number("lora_alpha")
    if alpha is None or view.adapter == "full":
        return
    if alpha <= 0:
        yield view.find("scaling-odd", key, "lora_alpha of 0 turns the adapter off", "set it to the rank or twice that")
    elif rank and not view.on("use_rslora", "peft_use_rslora"):
        ratio, (low, high) = alpha / rank, ODD_RATIO
        if not low <= ratio <= high:
            message = f"lora_alpha / {rank_key.rsplit('.', 1)[-1]} is {ratio:g}: each update is scaled by that"
            yield view.find("scaling-odd", key, message, f"set it to {rank:g} or {2 * rank:g}", "warning")


def target_mixture(view: View) -> Iterator[Finding]:
    """All linear layers named beside single ones: one of the two is without effect."""
    if view.framework == "axolotl":
        first, second = view.on("lora_target_linear"), view.has("lora_target_modules")
        named = view.get("lora_target_modules")[1]
        if first and second and isinstance(named, list) and len(named) > 0 and "lm_head" not in named:
            message = "lora_target_linear already takes every linear layer that lora_target_modules names"
            yield view.find("target-missing", second, message, "keep one of them", "note")


RULES = (adapter_without_rank, adapter_unused, scaling_odd, target_mixture)
