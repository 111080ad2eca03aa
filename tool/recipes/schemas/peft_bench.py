"""PEFT's method comparison: one model, one data set (MetaMathQA), measured accuracy for each method."""

from __future__ import annotations

from tool.recipes.draft import Draft, Row
from tool.recipes.huggingface import lora_fields
from tool.recipes.native import Native
from tool.recipes.vocabulary import optimizer, precision, scheduler

SCHEMA = "peft_bench"
MARKS = (("train_config.model_id", "train_config.optimizer_kwargs.lr"),)


def read(native: Native, row: Row) -> Draft:
    draft = Draft(model=native.text("train_config.model_id"), objective="sft", datasets=("meta-math/MetaMathQA",))
    kind = (native.text("peft_config.peft_type") or "full").lower()
    draft.adapter = "dora" if kind == "lora" and native.flag("peft_config.use_dora") else kind
    draft.learning_rate = native.number("train_config.optimizer_kwargs.lr")
    draft.micro_batch = native.integer("train_config.batch_size")
    draft.accumulation = draft.gpus = draft.data_parallel = 1
    draft.max_length = native.integer("train_config.max_seq_length")
    draft.max_steps = native.integer("train_config.max_steps")
    draft.scheduler = scheduler(native.text("train_config.lr_scheduler"))
    draft.weight_decay = native.number("train_config.optimizer_kwargs.weight_decay")
    draft.max_grad_norm = native.number("train_config.grad_norm_clip")
    draft.optim = optimizer(native.text("train_config.optimizer_type"))
    draft.gradient_checkpointing = native.flag("train_config.use_gc")
    draft.precision = precision(native.text("train_config.dtype"))
    draft.seed = native.integer("train_config.seed")
    if kind == "lora":
        lora_fields(native, draft, "peft_config.")
    return draft
