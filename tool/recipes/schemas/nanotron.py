"""Nanotron: continued pretraining; micro-batch × accumulation × data parallel, everything in steps."""

from __future__ import annotations

from tool.recipes.draft import Draft, Row
from tool.recipes.native import Native
from tool.recipes.vocabulary import optimizer, precision, scheduler

SCHEMA = "nanotron"
MARKS = (("tokens.micro_batch_size", "optimizer.learning_rate_scheduler"),)
_RATES = "optimizer.learning_rate_scheduler"


def read(native: Native, row: Row) -> Draft:
    draft = Draft(model=_model(native, row), adapter="full")
    draft.objective = "cpt" if native.has("checkpoints.resume_checkpoint_path") else "pretraining"
    draft.datasets = _datasets(native)
    draft.learning_rate = native.number(f"{_RATES}.learning_rate")
    draft.micro_batch = native.integer("tokens.micro_batch_size")
    draft.accumulation = native.integer("tokens.batch_accumulation_per_replica")
    draft.data_parallel = native.integer("parallelism.dp")
    if draft.data_parallel:
        draft.gpus = (
            draft.data_parallel * (native.integer("parallelism.tp") or 1) * (native.integer("parallelism.pp") or 1)
        )
    draft.max_length = native.integer("tokens.sequence_length")
    draft.max_steps = native.integer("tokens.train_steps")
    draft.scheduler = scheduler(native.text(f"{_RATES}.lr_decay_style"))
    draft.warmup_steps = native.number(f"{_RATES}.lr_warmup_steps")
    draft.weight_decay = native.number("optimizer.weight_decay")
    draft.max_grad_norm = native.number("optimizer.clip_grad")
    fused = native.flag("optimizer.optimizer_factory.torch_adam_is_fused")
    draft.optim = optimizer(native.text("optimizer.optimizer_factory.name"), fused)
    draft.packing = True  # documents are always concatenated
    draft.precision = precision(native.text("model.dtype"))
    draft.seed = native.integer("general.seed")
    return draft


def _model(native: Native, row: Row) -> str | None:
    checkpoint = native.text("checkpoints.resume_checkpoint_path")
    name = (checkpoint or "").rstrip("/").split("/")[-1].removeprefix("Nanotron-")
    return (
        name
        if any(character.isdigit() for character in name) and len(name) > 6
        else native.text("general.run") or checkpoint
    )


def _datasets(native: Native) -> tuple[str, ...]:
    names: list[str] = []
    for key, value in native.under("data_stages."):
        if key.endswith("dataset_folder"):
            names += [str(item) for item in (value if isinstance(value, list) else [value])]
    return tuple(dict.fromkeys(names))
