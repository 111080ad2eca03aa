"""Stanford Alpaca: its command lines, and the table of its README (the batch there is the whole one)."""

from __future__ import annotations

from tool.recipes.draft import Draft, Row
from tool.recipes.huggingface import trainer_fields, world_size
from tool.recipes.native import Native

SCHEMA = "stanford_alpaca"
MARKS = (("Batch size", "Learning rate", "Epochs"),)


def read(native: Native, row: Row) -> Draft:
    draft = trainer_fields(native, Draft(objective="sft", adapter="full"), "")
    draft.model = native.text("model_name_or_path", "Hyperparameter", "Model", "model")
    draft.datasets = native.texts("data_path") or ("tatsu-lab/alpaca",)
    draft.gpus = draft.data_parallel = world_size(native)
    if native.has("Batch size"):
        draft.global_batch = native.integer("Batch size")
        draft.learning_rate = native.number("Learning rate")
        draft.epochs = native.number("Epochs")
        draft.max_length = native.integer("Max length")
        draft.weight_decay = native.number("Weight decay")
    return draft
