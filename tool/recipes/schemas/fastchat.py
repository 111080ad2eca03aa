"""FastChat (Vicuna): Hugging Face arguments; `train_lora.py` adds LoRA, `q_lora` quantises."""

from __future__ import annotations

from tool.recipes.draft import Draft, Row
from tool.recipes.huggingface import lora_fields, trainer_fields, world_size
from tool.recipes.native import Native

SCHEMA = "fastchat"
MARKS = (("model_name_or_path", "data_path", "lazy_preprocess"), ("model_name_or_path", "data_path", "q_lora"))


def read(native: Native, row: Row) -> Draft:
    draft = trainer_fields(native, Draft(objective="sft"), "")
    draft.model = native.text("model_name_or_path")
    draft.datasets = native.texts("data_path")
    draft.gpus = draft.data_parallel = world_size(native)
    draft.adapter = "lora" if native.has("lora_r") or "lora" in (row.command or "") else "full"
    if native.flag("q_lora"):
        draft.base_quantization = "nf4"
    if draft.adapter == "lora":
        lora_fields(native, draft, "")
    return draft
