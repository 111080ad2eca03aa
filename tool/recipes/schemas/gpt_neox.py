"""GPT-NeoX: Megatron keys, with hyphens in older files; `train_impl` names the objective, warm-up is a share."""

from __future__ import annotations

from tool.recipes.draft import Draft, Row
from tool.recipes.native import Native
from tool.recipes.vocabulary import optimizer, precision, scheduler

SCHEMA = "gpt_neox"
MARKS = (("train_micro_batch_size_per_gpu", "optimizer.params.lr"),)


def read(native: Native, row: Row) -> Draft:
    native = Native({key.replace("-", "_"): value for key, value in native.config.items()})
    draft = Draft(model=_model(row), adapter="full")
    draft.datasets = native.texts("train_data_paths", "pos_train_data_paths", "data_path")
    draft.objective = _objective(native, row)
    draft.learning_rate = native.number("optimizer.params.lr")
    draft.micro_batch = native.integer("train_micro_batch_size_per_gpu")
    draft.accumulation = native.integer("gradient_accumulation_steps")
    draft.max_length = native.integer("seq_length")
    draft.max_steps = native.integer("train_iters")
    draft.epochs = native.number("train_epochs")
    draft.scheduler = scheduler(native.text("lr_decay_style"))
    draft.warmup_ratio = native.number("warmup")
    draft.weight_decay = native.number("weight_decay")
    draft.max_grad_norm = native.number("gradient_clipping")
    draft.optim = optimizer(native.text("optimizer.type"))
    draft.gradient_checkpointing = native.flag("checkpoint_activations")
    draft.precision = precision(native.text("precision")) or ("fp16" if native.flag("fp16.enabled") else None)
    draft.seed = native.integer("seed")
    draft.beta = native.number("dpo_beta", "kto_beta")
    return draft


def _objective(native: Native, row: Row) -> str:
    kind = native.text("train_impl")
    if kind and kind != "normal":
        return {"rm": "reward"}.get(kind, kind)
    return (
        "sft"
        if native.has("train_label_data_paths", "label_data_paths")
        or any(word in row.path for word in ("sft", "finetun"))
        else "pretraining"
    )


def _model(row: Row) -> str:
    """The files name no model; their own name does."""
    return row.path.rsplit("/", 1)[-1].rsplit(".", 1)[0]
