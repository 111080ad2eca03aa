"""Alignment Handbook and its descendants (SimPO, Open R1): TRL keys in YAML; folder or file name the objective."""

from __future__ import annotations

import re

from tool.recipes.draft import Draft, Row
from tool.recipes.huggingface import lora_fields, trainer_fields
from tool.recipes.native import Native

SCHEMA = "alignment_handbook"
MARKS = (
    ("model_name_or_path", "dataset_mixer", "torch_dtype"),
    ("model_name_or_path", "dataset_mixer", "lr_scheduler_type", "learning_rate", "num_train_epochs"),
    ("model_name_or_path", "reward_funcs", "num_generations"),
    ("model_name_or_path", "dataset_id_or_path"),
    ("model_name_or_path", "torch_dtype", "dataset_name", "lr_scheduler_type", "gradient_accumulation_steps"),
)
_WORDS = re.compile(r"(?:^|[/_\-.])(sft|dpo|orpo|kto|simpo|grpo|cpt)(?:[/_\-.]|$)")


def read(native: Native, row: Row) -> Draft:
    draft = trainer_fields(native, Draft(), "")
    draft.model = native.text("model_name_or_path")
    mixed = tuple(key for key, _ in native.under("dataset_mixer."))
    draft.datasets = mixed or native.texts("dataset_name", "dataset_id_or_path")
    draft.objective = _objective(native, row)
    draft.adapter = "lora" if native.flag("use_peft") or native.has("lora_r") else "full"
    if native.has("spectrum_config_path"):
        draft.adapter = "partial"
    if native.flag("load_in_4bit"):
        draft.base_quantization = "nf4"
    elif native.flag("load_in_8bit"):
        draft.base_quantization = "int8"
    if draft.adapter == "lora":
        lora_fields(native, draft, "")
    if draft.max_length is None and draft.objective == "grpo":
        prompt, completion = native.integer("max_prompt_length"), native.integer("max_completion_length")
        draft.max_length = prompt + completion if prompt and completion else None
    return draft


def _objective(native: Native, row: Row) -> str:
    if native.has("gamma_beta_ratio", "simpo_gamma"):
        return "simpo"
    if native.has("reward_funcs", "num_generations"):
        return "grpo"
    named = _WORDS.findall(row.path.lower())
    if named:
        return str(named[-1])
    return "dpo" if native.has("beta") else "sft"
