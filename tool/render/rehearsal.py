"""What a notebook's head offers for a dry run: small enough for a CPU, and everything else as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SMALL_MODELS = {
    "causal_lm": "HuggingFaceTB/SmolLM2-135M-Instruct",
    "sequence_classification": "distilbert/distilbert-base-uncased",
    "seq2seq": "google-t5/t5-small",
}
"""A small model of each kind, free of conditions."""

SMALL_RUN = {"MAX_STEPS": 6, "MAX_LENGTH": 96, "MICRO_BATCH": 2, "ACCUMULATION": 1, "OPTIMIZER": "adamw_torch_fused"}
SMALL_GROUPS = {"MAX_STEPS": 4, "MICRO_BATCH": 4, "NUM_GENERATIONS": 4, "MAX_COMPLETION_LENGTH": 20}
"""GRPO wants whole groups of answers in a batch."""


def rehearsal(template: str, model_kind: str, columns: Mapping[str, str]) -> dict[str, Any]:
    """The parameters to swap (`overrides`, for the dry-run file) and the columns that rows need."""
    overrides = {"MODEL": SMALL_MODELS[model_kind], "DATASET": "rows.jsonl", **SMALL_RUN}
    if template == "grpo":
        overrides |= SMALL_GROUPS
    return {"overrides": overrides, "columns": list(dict.fromkeys(columns.values()))}
