"""What is measured: 0.5 to 8 billion parameters, both sizes of vocabulary, each method, lengths and batches."""

from __future__ import annotations

from typing import Any

from tool.oracle.grid import CHECKPOINTED, FULL, LORA, QLORA
from tool.oracle.request import TraceRequest, complete

SMALL_VOCABULARY = ("TinyLlama/TinyLlama-1.1B-Chat-v1.0", "meta-llama/Llama-2-7b-hf", "mistralai/Mistral-7B-v0.1")
LARGE_VOCABULARY = ("Qwen/Qwen2.5-0.5B", "Qwen/Qwen2.5-1.5B", "meta-llama/Llama-3.2-3B", "meta-llama/Llama-3.1-8B")
SHAPES: tuple[tuple[int, int], ...] = ((1, 512), (4, 512), (8, 512), (2, 1024), (1, 2048), (4, 2048), (1, 8192))
"""Micro-batch and length."""
CHANGES: tuple[tuple[dict[str, Any], tuple[int, ...]], ...] = (
    ({**LORA, **CHECKPOINTED}, (0, 2, 5, 6)),
    ({**LORA}, (0, 3, 4)),
    ({**LORA, **CHECKPOINTED, "attention": "eager"}, (3,)),
    ({**QLORA}, (0, 2, 5, 6)),
    ({**QLORA, "quant": "nf4-dq", "kbit_preparation": False}, (3,)),
    ({**FULL, **CHECKPOINTED}, (0, 3)),
    ({**FULL, **CHECKPOINTED, "optimizer": "adamw_8bit"}, (3,)),
    ({**FULL, **CHECKPOINTED, "optimizer": "adamw_fused"}, (5,)),
)
"""A configuration and the shapes (positions above) that it is measured at."""


def grid() -> list[TraceRequest]:
    """Every configuration, small models first, so that a short loan of a card is well spent."""
    requests = [
        complete({"model": model, **change, "micro_batch": SHAPES[at][0], "seq_len": SHAPES[at][1]}, [])[0]
        for model in (*LARGE_VOCABULARY[:2], *SMALL_VOCABULARY[:1], *LARGE_VOCABULARY[2:], *SMALL_VOCABULARY[1:])
        for change, places in CHANGES
        for at in places
    ]
    return list({request.id: request for request in requests}.values())
