"""The QLoRA paper's script: `bits` is 4 unless said otherwise; source and target lengths add up."""

from __future__ import annotations

from tool.recipes.draft import Draft, Row
from tool.recipes.huggingface import lora_fields, trainer_fields, world_size
from tool.recipes.native import Native

SCHEMA = "qlora"
MARKS = (("source_max_len", "target_max_len"),)


def read(native: Native, row: Row) -> Draft:
    draft = trainer_fields(native, Draft(objective="sft"), "")
    lora_fields(native, draft, "")
    draft.model = native.text("model_name_or_path")
    draft.datasets = native.texts("dataset")
    draft.gpus = draft.data_parallel = world_size(native)
    source, target = native.integer("source_max_len"), native.integer("target_max_len")
    draft.max_length = source + target if source and target else None
    draft.adapter = "full" if native.flag("full_finetune") else "lora"
    bits = native.integer("bits") or 4
    if draft.adapter == "lora":
        double = native.flag("double_quant") is not False
        draft.base_quantization = {4: "nf4-dq" if double else "nf4", 8: "int8"}.get(bits, "none")
    if native.text("lora_modules") == "all":
        draft.target_modules = "all-linear"
    return draft
