"""The configurations whose traces are committed: one-factor changes around a base, then breadth over architectures.

Changing one thing at a time lets a reader of the rows tell the terms apart: logits (vocabulary), checkpoints
(length, batch, layers), attention scores (eager), adapters (rank, targets), optimizer temporaries (kind).
"""

from __future__ import annotations

from typing import Any

from tool.oracle.request import TraceRequest, complete

Change = dict[str, Any]

LORA: Change = {"method": "lora", "lora_r": 16, "lora_targets": "all-linear"}
FULL: Change = {"method": "full"}
QLORA: Change = {
    "method": "qlora",
    "quant": "nf4",
    "lora_r": 16,
    "lora_targets": "all-linear",
    "kbit_preparation": True,
    "grad_checkpointing": True,
}
CHECKPOINTED: Change = {"grad_checkpointing": True}

SHAPES: tuple[Change, ...] = (
    {"micro_batch": 1, "seq_len": 512},
    {"micro_batch": 4, "seq_len": 512},
    {"micro_batch": 1, "seq_len": 2048},
    {"micro_batch": 2, "seq_len": 1024},
)
LORA_CHANGES: tuple[Change, ...] = (
    {"lora_targets": "q,v"},
    {"lora_targets": "q,k,v,o"},
    {"lora_r": 128},
    {"lora_dropout": 0.05},
    {"attention": "eager"},
    {"attention": "eager", "grad_checkpointing": True},
    {"seq_len_kind": "padded"},
    {"seq_len_kind": "padded", "grad_checkpointing": True},
    {"dtype": "fp16"},
    {"dtype": "fp32"},
    {"adapter_dtype": "weights"},
    {"adapter_dtype": "weights", "grad_checkpointing": True},
    {"amp": "bf16"},
    {"amp": "bf16", "grad_checkpointing": True},
    {"dtype": "fp32", "amp": "bf16", "grad_checkpointing": True},
    {"use_reentrant": True, "grad_checkpointing": True},
    {"chunked_or_fused_loss": True, "grad_checkpointing": True},
    {"chunked_or_fused_loss": True},
    {"objective": "dpo", "grad_checkpointing": True},
    {"objective": "dpo"},
    {"keeps_outputs": True, "grad_checkpointing": True},
    {"method": "dora"},
    {"method": "dora", "grad_checkpointing": True},
    {"grad_accumulation": True, "grad_checkpointing": True},
    {"attention": "eager", "dtype": "fp16", "compute_capability": 7.5, "grad_checkpointing": True},
    {"attention": "sdpa", "dtype": "fp16", "compute_capability": 7.5, "grad_checkpointing": True},
)
FULL_CHANGES: tuple[Change, ...] = (
    {},
    {"grad_checkpointing": True},
    {"optimizer": "adamw_fused", "grad_checkpointing": True},
    {"optimizer": "adamw_loop", "grad_checkpointing": True},
    {"optimizer": "adamw_8bit", "grad_checkpointing": True},
    {"optimizer": "paged_adamw_8bit", "grad_checkpointing": True},
    {"optimizer": "sgd", "grad_checkpointing": True},
    {"optimizer": "adafactor", "grad_checkpointing": True},
    {"dtype": "fp32"},
    {"dtype": "fp32", "amp": "bf16"},
    {"dtype": "fp32", "amp": "bf16", "grad_checkpointing": True},
    {"dtype": "fp32", "amp": "fp16", "grad_checkpointing": True},
    {"attention": "eager"},
    {"chunked_or_fused_loss": True, "grad_checkpointing": True},
    {"grad_accumulation": True, "grad_checkpointing": True},
)
QLORA_CHANGES: tuple[Change, ...] = (
    {},
    {"quant": "nf4-dq"},
    {"kbit_preparation": False},
    {"kbit_preparation": False, "grad_checkpointing": False},
    {"use_reentrant": True},
    {"dtype": "fp16"},
    {"lora_targets": "q,v"},
    {"lora_r": 64, "lora_dropout": 0.05},
    {"attention": "eager", "dtype": "fp16", "compute_capability": 7.5},
    {"optimizer": "paged_adamw_8bit", "quant": "nf4-dq"},
    {"chunked_or_fused_loss": True},
)

DEEP = {
    "llama": ("meta-llama/Llama-3.2-1B",),
    "qwen2": ("Qwen/Qwen2.5-1.5B",),
}
"""Every change, around these."""

BROAD = {
    "llama": ("meta-llama/Llama-3.1-8B", "TinyLlama/TinyLlama-1.1B-Chat-v1.0", "meta-llama/Llama-2-7b-hf"),
    "qwen2": ("Qwen/Qwen2.5-0.5B", "Qwen/Qwen2.5-7B", "Qwen/Qwen2.5-14B"),
    "smollm": ("HuggingFaceTB/SmolLM2-135M", "HuggingFaceTB/SmolLM3-3B"),
    "qwen3": ("Qwen/Qwen3-0.6B", "Qwen/Qwen3-8B"),
    "mistral": ("mistralai/Mistral-7B-v0.1", "mistralai/Ministral-8B-Instruct-2410"),
    "phi": ("microsoft/phi-2", "microsoft/Phi-3-mini-4k-instruct"),
    "gemma": ("google/gemma-2b", "google/gemma-2-2b", "google/gemma-3-1b-pt", "google/gemma-4-E2B"),
    "gpt_neox": ("EleutherAI/pythia-1.4b",),
    "olmo": ("allenai/OLMo-2-0425-1B", "allenai/OLMo-1B-hf"),
    "granite": ("ibm-granite/granite-3.1-2b-base",),
    "falcon": ("tiiuae/falcon-7b",),
    "starcoder": ("bigcode/starcoder2-3b",),
    "stablelm": ("stabilityai/stablelm-2-1_6b",),
    "gpt2": ("openai-community/gpt2-medium",),
    "opt": ("facebook/opt-1.3b",),
    "bloom": ("bigscience/bloom-560m",),
    "exaone": ("LGAI-EXAONE/EXAONE-4.0-1.2B",),
    "lfm": ("LiquidAI/LFM2-1.2B",),
    "qwen3_5": ("Qwen/Qwen3.5-2B",),
    "arcee": ("arcee-ai/AFM-4.5B",),
}
BROAD_CHANGES: tuple[Change, ...] = (
    {**LORA, "micro_batch": 2, "seq_len": 1024},
    {**LORA, **CHECKPOINTED, "micro_batch": 2, "seq_len": 1024},
    {**LORA, **CHECKPOINTED, "micro_batch": 2, "seq_len": 1024, "seq_len_kind": "padded"},
    {**LORA, "lora_targets": "q,v", "attention": "eager", "micro_batch": 2, "seq_len": 512},
    {**FULL, "micro_batch": 2, "seq_len": 1024},
    {**FULL, **CHECKPOINTED, "optimizer": "adamw_fused", "micro_batch": 2, "seq_len": 1024},
    {**QLORA, "micro_batch": 2, "seq_len": 1024},
    {**QLORA, "kbit_preparation": False, "quant": "nf4-dq", "micro_batch": 1, "seq_len": 2048},
)
EXPERTS = (
    "Qwen/Qwen1.5-MoE-A2.7B",
    "Qwen/Qwen3-30B-A3B",
    "mistralai/Mixtral-8x7B-v0.1",
    "allenai/OLMoE-1B-7B-0924",
    "openai/gpt-oss-20b",
    "ibm-granite/granite-3.0-1b-a400m-instruct",
)
EXPERT_CHANGES: tuple[Change, ...] = (
    {**LORA, "lora_targets": "q,k,v,o", "micro_batch": 2, "seq_len": 1024},
    {**LORA, **CHECKPOINTED, "lora_targets": "q,k,v,o", "micro_batch": 2, "seq_len": 1024},
    {**FULL, **CHECKPOINTED, "micro_batch": 1, "seq_len": 1024},
)
ENCODERS = (
    "google-bert/bert-base-uncased",
    "FacebookAI/roberta-large",
    "answerdotai/ModernBERT-base",
)
ENCODER_CHANGES: tuple[Change, ...] = (
    {**FULL, "objective": "classification", "dtype": "fp32", "micro_batch": 16, "seq_len": 256},
    {**FULL, "objective": "classification", "dtype": "fp32", "amp": "fp16", "micro_batch": 16, "seq_len": 256},
    {**FULL, "objective": "classification", "dtype": "bf16", "micro_batch": 16, "seq_len": 256, **CHECKPOINTED},
    {**LORA, "objective": "classification", "dtype": "fp32", "micro_batch": 16, "seq_len": 256, "lora_targets": "q,v"},
)
SEQ2SEQ = ("google-t5/t5-base", "facebook/bart-large")
SEQ2SEQ_CHANGES: tuple[Change, ...] = (
    {**FULL, "dtype": "fp32", "micro_batch": 8, "seq_len": 256},
    {**FULL, **CHECKPOINTED, "dtype": "bf16", "micro_batch": 8, "seq_len": 256},
    {**LORA, "lora_targets": "q,v", "dtype": "bf16", "micro_batch": 8, "seq_len": 256},
)


def _deep_changes() -> list[Change]:
    base = {"micro_batch": 2, "seq_len": 1024}
    shapes = [{**LORA, **shape, **extra} for extra in ({}, CHECKPOINTED) for shape in SHAPES]
    loras = [{**LORA, **base, **change} for change in LORA_CHANGES]
    full = [{**FULL, **base, **change} for change in FULL_CHANGES]
    qloras = [{**QLORA, **base, **change} for change in QLORA_CHANGES]
    return shapes + loras + full + qloras


def _requests(model: str, changes: list[Change] | tuple[Change, ...]) -> list[TraceRequest]:
    return [complete({"model": model, **change}, [])[0] for change in changes]


def grid() -> dict[str, list[TraceRequest]]:
    """File name → its configurations, in their order in the file; no configuration twice."""
    files: dict[str, list[TraceRequest]] = {}
    groups: list[tuple[str, tuple[str, ...], Any]] = [
        *((name, chosen, _deep_changes()) for name, chosen in DEEP.items()),
        *((name, chosen, BROAD_CHANGES) for name, chosen in BROAD.items()),
        ("experts", EXPERTS, EXPERT_CHANGES),
        ("encoders", ENCODERS, ENCODER_CHANGES),
        ("seq2seq", SEQ2SEQ, SEQ2SEQ_CHANGES),
    ]
    for name, chosen, changes in groups:
        for model in chosen:
            files.setdefault(name, []).extend(_requests(model, changes))
    return {name: list({request.id: request for request in requests}.values()) for name, requests in files.items()}
