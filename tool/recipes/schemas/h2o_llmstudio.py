"""H2O LLM Studio: sections architecture, training, …; the loss names the objective, the backbone's type QLoRA."""

from __future__ import annotations

from tool.recipes.draft import Draft, Row
from tool.recipes.huggingface import lora_fields
from tool.recipes.native import Native
from tool.recipes.vocabulary import optimizer, precision, scheduler

SCHEMA = "h2o_llmstudio"
MARKS = (("architecture.backbone_dtype", "training.learning_rate"),)
_LOSSES = {"MSELoss": "regression", "BinaryCrossEntropyLoss": "classification head"}
_LOSSES |= {"DPOLoss": "dpo", "KTOPairLoss": "kto", "SimPOLoss": "simpo", "CPOLoss": "cpo", "IPOLoss": "ipo"}


def read(native: Native, row: Row) -> Draft:
    draft = lora_fields(native, Draft(), "training.")
    draft.model = native.text("llm_backbone")
    draft.datasets = native.texts("dataset.train_dataframe")
    loss = native.text("training.loss_function") or ""
    draft.objective = _LOSSES.get(loss, "sft" if "CrossEntropy" in loss else loss)
    if "classification" in row.path and draft.objective == "sft":
        draft.objective = "classification head"
    draft.learning_rate = native.number("training.learning_rate")
    draft.micro_batch = native.integer("training.batch_size")
    draft.accumulation = native.integer("training.grad_accumulation")
    draft.max_length = native.integer("tokenizer.max_length")
    draft.epochs = native.number("training.epochs")
    draft.scheduler = scheduler(native.text("training.schedule"))
    draft.weight_decay = native.number("training.weight_decay")
    draft.max_grad_norm = native.number("training.gradient_clip") or None  # 0 switches clipping off
    draft.optim = optimizer(native.text("training.optimizer"))
    draft.gradient_checkpointing = native.flag("architecture.gradient_checkpointing")
    draft.precision = precision(native.text("environment.mixed_precision_dtype"))
    draft.beta = native.number("training.beta") if draft.objective != "sft" else None
    warmup, epochs = native.number("training.warmup_epochs"), draft.epochs
    draft.warmup_ratio = warmup / epochs if warmup is not None and epochs else None
    if native.flag("training.lora"):
        draft.adapter = "dora" if native.flag("training.use_dora") else "lora"
        draft.base_quantization = {"int4": "nf4", "int8": "int8"}.get(
            native.text("architecture.backbone_dtype") or "", "none"
        )
    else:
        draft.adapter = "full"
    return draft
