"""alpaca-lora: LoRA on an 8-bit base; `batch_size` is the whole batch, accumulation is implied."""

from __future__ import annotations

from tool.recipes.draft import Draft, Row
from tool.recipes.huggingface import targets
from tool.recipes.native import Native

SCHEMA = "alpaca_lora"
MARKS = (("data_path", "micro_batch_size", "cutoff_len", "lora_r"),)


def read(native: Native, row: Row) -> Draft:
    draft = Draft(model=native.text("base_model"), datasets=native.texts("data_path"))
    draft.objective, draft.adapter, draft.base_quantization = "sft", "lora", "int8"
    draft.learning_rate = native.number("learning_rate")
    draft.micro_batch = native.integer("micro_batch_size")
    draft.global_batch = native.integer("batch_size")
    draft.max_length = native.integer("cutoff_len")
    draft.epochs = native.number("num_epochs")
    draft.lora_r = native.integer("lora_r")
    draft.lora_alpha = native.number("lora_alpha")
    draft.lora_dropout = native.number("lora_dropout")
    draft.target_modules = targets(native, "lora_target_modules")
    draft.hints = native.texts("prompt_template_name")
    return draft
