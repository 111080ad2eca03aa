"""What the card and the model allow: types, kernels, length, names of modules."""

from __future__ import annotations

from collections.abc import Iterator

from tool.architecture.inventory import inventory
from tool.lint.finding import Finding, Level
from tool.lint.names import NAMES
from tool.lint.view import View
from tool.recommend.question import Hardware, Subject

EXACT_NAMES = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "qkv_proj", "gate_up_proj"}
EXACT_NAMES |= {"query_key_value", "c_attn", "c_proj", "c_fc", "W_pack", "Wqkv", "out_proj", "fc1", "fc2", "fc_in"}
"""Module names that mean one thing in every model that has them."""
SPLIT_BY_UNSLOTH = {"q_proj", "k_proj", "v_proj", "gate_proj", "up_proj"}
"""Unsloth republishes Phi-3 and Phi-4 with their fused matrices split, in the shape of Llama."""


def card(view: View, hardware: Hardware) -> Iterator[Finding]:
    """What the card has no kernels for."""
    gpu = hardware.gpu
    if not gpu.bf16:
        yield from _lacks_bf16(view, gpu.id)
        key = view.on("tf32")
        if key:
            yield view.find(
                "card-lacks-tf32", key, f"{gpu.id} has no TF32: PyTorch stops with an error", "set it to false"
            )
    if not gpu.flash_attention_2:
        key = _flash(view)
        if key:
            yield view.find("card-lacks-flash", key, f"{gpu.id} cannot run FlashAttention 2", "use sdpa")
    if not gpu.bitsandbytes_nf4:
        key = view.on("load_in_4bit", "q_lora")
        if key:
            yield view.find(
                "card-lacks-nf4", key, f"{gpu.id} has no 4-bit kernels in bitsandbytes", "use LoRA in 16 bits"
            )


def _lacks_bf16(view: View, name: str) -> Iterator[Finding]:
    key = view.on("bf16", "bfloat16", "pure_bf16")
    if not key:
        key, word = view.word("dtype", "torch_dtype", "torch_dtype_str")
        key = key if word in ("bf16", "bfloat16", "torch.bfloat16") else ""
    if key:
        yield view.find("card-lacks-bf16", key, f"{name} does not compute in bf16", "use fp16")


def _flash(view: View) -> str:
    key, word = view.word("attn_implementation", "attn_impl", "flash_attn")
    if word in ("flash_attention_2", "flash_attention_3", "flash_attn", "fa2", "flash"):
        return key
    return view.on("flash_attention", "use_flash_attn", "use_flash_attention_2")


def model(view: View, subject: Subject) -> Iterator[Finding]:
    """What the model was not made for. `subject` comes from the registry, so its shape is exact."""
    length = view.draft.max_length if view.draft else None
    longest = subject.architecture.max_position_embeddings
    scaled = view.has("rope_scaling", "rope_scaling_factor", "rope_scaling.type", "rope_scaling.factor", "rope_theta")
    if length and longest and length > longest and not scaled:
        key = view.key_of("max_length")
        level: Level = "error" if subject.hard_limit else "warning"
        message = f"{key} of {length} is beyond the {longest} positions that {subject.name} was made for"
        yield view.find("too-long-for-model", key, message, f"use at most {longest}", level)
    yield from _targets(view, subject)


def _targets(view: View, subject: Subject) -> Iterator[Finding]:
    """PEFT looks for modules by the end of their names, and passes over a name that no module has."""
    if view.framework == "torchtune" or view.draft is None or view.adapter == "full":
        return
    key, value = view.get(*NAMES["target_modules"])
    named = value if isinstance(value, list) else str(value or "").split(",")
    names = [str(name).strip() for name in named if str(name).strip() in EXACT_NAMES]
    present = {linear.name.rsplit(".", 1)[-1] for linear in inventory(subject.architecture).linears}
    if "unsloth/" in (view.draft.model or ""):
        present |= SPLIT_BY_UNSLOTH
    missing = [name for name in names if name not in present]
    if missing:
        count = len([name for name in named if str(name).strip()])
        # A list for several families may name what one of them lacks; where most is missing it is another family's.
        level: Level = "error" if len(missing) == count else "warning" if 2 * len(missing) >= count else "note"
        message = f"{subject.name} has no {' or '.join(missing)}"
        yield view.find("target-missing", key, message, f"it has {', '.join(sorted(present))}", level)
