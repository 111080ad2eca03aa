"""LLM Foundry: Composer times (`1ep`, `3195ba`, `0.02dur`), a global batch, and `${variables.…}` references."""

from __future__ import annotations

import re

from tool.recipes.draft import Draft, Row
from tool.recipes.huggingface import lora_fields
from tool.recipes.native import Native
from tool.recipes.vocabulary import optimizer, precision, scheduler

SCHEMA = "llm_foundry"
MARKS = (
    ("global_train_batch_size", "max_duration"),
    ("parameters.global_train_batch_size", "parameters.max_duration"),
)
_TIME = re.compile(r"^([\d.e+\-]+)(ep|ba|tok|dur|sp)$")


def read(native: Native, row: Row) -> Draft:
    if any(key.startswith("parameters.") for key in native.config):
        native = Native({key.removeprefix("parameters."): value for key, value in native.config.items()})
    draft = lora_fields(native, Draft(), "model.peft_config.", "peft_config.")
    draft.model = native.text("model.pretrained_model_name_or_path") or _built(native, row)
    draft.datasets = native.texts(
        "train_loader.dataset.hf_name", "dataset.hf_name", "train_loader.dataset.streams.my_data.remote"
    )
    draft.objective = "cpt" if native.text("train_loader.name") == "text" else "sft"
    if native.flag("model.pretrained") is False and draft.objective == "cpt" and not native.has("load_path"):
        draft.objective = "pretraining"
    draft.learning_rate = native.number("optimizer.lr")
    draft.global_batch = native.integer("global_train_batch_size")
    draft.micro_batch = native.integer("device_train_microbatch_size", "device_train_batch_size")
    draft.gpus = native.integer("compute.gpus")
    draft.max_length = native.integer("max_seq_len", "train_loader.dataset.max_seq_len", "model.max_seq_len")
    _duration(native, draft)
    draft.scheduler = scheduler(native.text("scheduler.name"))
    draft.weight_decay = native.number("optimizer.weight_decay")
    draft.max_grad_norm = native.number("algorithms.gradient_clipping.clipping_threshold")
    draft.optim = optimizer(native.text("optimizer.name"))
    draft.gradient_checkpointing = native.flag("fsdp_config.activation_checkpointing")
    draft.packing = native.has("train_loader.dataset.packing_ratio") or None
    draft.precision = precision(native.text("precision"))
    draft.seed = native.integer("seed", "global_seed")
    draft.adapter = "lora" if native.has("model.peft_config.peft_type", "model.peft_config.r") else "full"
    return draft


def _duration(native: Native, draft: Draft) -> None:
    amount, unit = _time(native.text("max_duration"))
    if unit == "ep":
        draft.epochs = amount
    elif unit == "ba":
        draft.max_steps = int(amount)
    amount, unit = _time(native.text("scheduler.t_warmup"))
    if unit == "dur":
        draft.warmup_ratio = amount
    elif unit == "ba":
        draft.warmup_steps = amount


def _time(text: str | None) -> tuple[float, str]:
    match = _TIME.match(text or "")
    return (float(match.group(1)), match.group(2)) if match else (0.0, "")


def _built(native: Native, row: Row) -> str | None:
    """A model built from its sizes has no name but its kind and what the file is called (`7b_dolly_sft`)."""
    kind = native.text("model.name")
    return f"{kind}-{row.path.rsplit('/', 1)[-1].split('_')[0]}" if kind else None
