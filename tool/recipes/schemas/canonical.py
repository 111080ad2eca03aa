"""This project's own names (those of Hugging Face, TRL and PEFT): for a team's own configurations."""

from __future__ import annotations

from tool.recipes.draft import Draft, Row
from tool.recipes.huggingface import lora_fields, trainer_fields
from tool.recipes.native import Native
from tool.recipes.vocabulary import precision

SCHEMA = "canonical"
MARKS = (
    ("model", "objective", "learning_rate"),
    ("model", "task", "learning_rate"),
    ("model", "adapter", "learning_rate"),
)


def read(native: Native, row: Row) -> Draft:
    draft = trainer_fields(native, Draft(), "")
    lora_fields(native, draft, "")
    draft.learning_rate = native.number("learning_rate", "lr")
    draft.model = native.text("model", "model_name_or_path", "base_model")
    draft.datasets = native.texts("dataset")
    task = native.text("task", "task_type")
    draft.objective = native.text("objective") or _objective_of(task)
    draft.hints = (f"task:{task}",) if task else ()
    quantization = (native.text("quantization") or "none").lower()
    draft.base_quantization = {"4bit": "nf4", "8bit": "int8"}.get(quantization, quantization)
    adapter = native.text("adapter")
    draft.adapter = adapter or ("lora" if native.has("lora_r") else "full")
    draft.gpus = draft.data_parallel = native.integer("gpus")
    draft.global_batch = native.integer("effective_batch_size")
    draft.precision = precision(native.text("precision")) or draft.precision
    return draft


def _objective_of(task: str | None) -> str:
    known = {"preference": "dpo", "continued_pretraining": "cpt", "reinforcement": "grpo"}
    return known.get(task or "", "sft")
