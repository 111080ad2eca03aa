"""AutoTrain Advanced: `task: llm-sft`, sections data and params; PEFT is a flag, quantisation a word."""

from __future__ import annotations

from tool.recipes.draft import Draft, Row
from tool.recipes.native import Native
from tool.recipes.vocabulary import optimizer, precision, scheduler

SCHEMA = "autotrain"
MARKS = (("task", "base_model", "params.lr"), ("task", "base_model", "params", "data"))
_OBJECTIVES = {"llm-sft": "sft", "llm": "sft", "llm-dpo": "dpo", "llm-orpo": "orpo", "llm-reward": "reward"}
_QUANTIZATION = {"int4": "nf4", "int8": "int8"}


def read(native: Native, row: Row) -> Draft:
    task = native.text("task") or ""
    draft = Draft(model=native.text("base_model"), datasets=native.texts("data.path"))
    draft.objective = "cpt" if task == "llm-generic" else _OBJECTIVES.get(task, task or None)
    draft.adapter = "lora" if native.flag("params.peft") else "full"
    if draft.adapter == "lora":
        draft.base_quantization = _QUANTIZATION.get((native.text("params.quantization") or "").lower(), "none")
        draft.lora_r = native.integer("params.lora_r")
        draft.lora_alpha = native.number("params.lora_alpha")
        draft.lora_dropout = native.number("params.lora_dropout")
        named = native.texts("params.target_modules")
        draft.target_modules = "all-linear" if named == ("all-linear",) else named or None
    draft.learning_rate = native.number("params.lr")
    draft.micro_batch = native.integer("params.batch_size")
    draft.accumulation = native.integer("params.gradient_accumulation")
    draft.max_length = native.integer("params.block_size", "params.model_max_length")
    draft.epochs = native.number("params.epochs")
    draft.scheduler = scheduler(native.text("params.scheduler"))
    draft.warmup_ratio = native.number("params.warmup_ratio")
    draft.weight_decay = native.number("params.weight_decay")
    draft.max_grad_norm = native.number("params.max_grad_norm")
    draft.optim = optimizer(native.text("params.optimizer"))
    draft.precision = precision(native.text("params.mixed_precision"))
    draft.seed = native.integer("params.seed")
    draft.hints = native.texts("data.column_mapping.text_column")
    return draft
