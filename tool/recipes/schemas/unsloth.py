"""Unsloth notebooks: `FastLanguageModel` and TRL calls; GPU is that of the notebook's runtime."""

from __future__ import annotations

from tool.recipes.draft import Draft, Row
from tool.recipes.native import Native
from tool.recipes.python_calls import read_calls

SCHEMA = "unsloth"
MARKS = (
    ("FastLanguageModel.from_pretrained", "FastLanguageModel.get_peft_model"),
    ("FastModel.from_pretrained", "FastModel.get_peft_model"),
    ("FastVisionModel.from_pretrained", "FastVisionModel.get_peft_model"),
    ("FastLanguageModel.from_pretrained", "SFTConfig"),
)


def _width(key: str) -> bool:
    """True for an argument that says in how many bits the base is loaded."""
    return key.rsplit(".", 1)[-1] in ("load_in_4bit", "load_in_8bit", "load_in_16bit", "load_in_fp8", "full_finetuning")


def read(native: Native, row: Row) -> Draft:
    draft = read_calls(native, row)
    draft.gpus = draft.data_parallel = 1
    if draft.adapter == "lora" and draft.base_quantization == "none" and not any(_width(key) for key in native.config):
        draft.base_quantization = "nf4"  # Unsloth's default is load_in_4bit=True
    if native.has("metadata.kaggle.accelerator") and "2" in (native.text("metadata.kaggle.accelerator") or ""):
        draft.gpus = 2
    return draft
