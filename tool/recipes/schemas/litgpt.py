"""LitGPT: `global_batch_size` over all devices; LoRA is what has `lora_r`; targets are booleans."""

from __future__ import annotations

from tool.recipes.draft import Draft, Row
from tool.recipes.native import Native
from tool.recipes.vocabulary import last_part, optimizer, precision

SCHEMA = "litgpt"
MARKS = (("train.global_batch_size", "train.micro_batch_size"), ("checkpoint_dir", "train.global_batch_size"))
_TARGETS = {"query": "q_proj", "key": "k_proj", "value": "v_proj", "projection": "o_proj", "head": "lm_head"}
_MLP = ("gate_proj", "up_proj", "down_proj")


def read(native: Native, row: Row) -> Draft:
    draft = Draft(model=native.text("checkpoint_dir", "model_name"))
    draft.datasets = (last_part(native.text("data.class_path", "data") or ""),)
    draft.objective = "pretraining" if "pretrain" in row.path or native.has("model_name") else "sft"
    if native.has("initial_checkpoint_dir"):
        draft.objective = "cpt"
    draft.learning_rate = native.number("optimizer.init_args.lr", "train.learning_rate")
    draft.micro_batch = native.integer("train.micro_batch_size")
    draft.global_batch = native.integer("train.global_batch_size")
    draft.gpus = draft.data_parallel = _devices(native)
    draft.max_length = native.integer("train.max_seq_length")
    draft.epochs = native.number("train.epochs")
    draft.max_steps = native.integer("train.max_steps")
    draft.warmup_steps = native.number("train.lr_warmup_steps")
    draft.scheduler = "cosine"  # LitGPT has no other: linear warm-up, then cosine to `min_lr`
    draft.weight_decay = native.number("optimizer.init_args.weight_decay", "train.weight_decay")
    draft.max_grad_norm = native.number("train.max_norm")
    draft.optim = optimizer(native.text("optimizer.class_path"))
    draft.precision = precision(native.text("precision"))
    draft.seed = native.integer("seed")
    draft.adapter = "lora" if native.has("lora_r") else "full"
    if "bnb.nf4" in (native.text("quantize") or ""):
        draft.base_quantization = "nf4-dq" if "dq" in (native.text("quantize") or "") else "nf4"
    elif (native.text("quantize") or "").startswith("bnb.int8"):
        draft.base_quantization = "int8"
    if draft.adapter == "lora":
        draft.lora_r = native.integer("lora_r")
        draft.lora_alpha = native.number("lora_alpha")
        draft.lora_dropout = native.number("lora_dropout")
        draft.target_modules = _targets(native)
    draft.hints = native.texts("data.init_args.prompt_style")
    return draft


def _devices(native: Native) -> int | None:
    per_node = native.text("devices")
    nodes = native.integer("num_nodes") or 1
    return int(per_node) * nodes if per_node and per_node.isdigit() else None


def _targets(native: Native) -> tuple[str, ...] | None:
    names = [name for key, name in _TARGETS.items() if native.flag(f"lora_{key}")]
    return tuple(sorted([*names, *(_MLP if native.flag("lora_mlp") else ())])) or None
