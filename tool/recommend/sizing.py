"""Solve for the hardware: the cheapest setup whose memory bound fits the card, with the largest micro-batch.

A setup costs more the further down the ladder it stands: checkpointing trades time for memory, sharding trades
bandwidth, an 8-bit optimizer trades precision of its states, and a shorter length cuts the data.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tool.load import Repo
from tool.memory import bounds, fit
from tool.memory.resolve import EAGER_ONLY
from tool.recommend.question import Question
from tool.schema.fit import FitAnswer, FitRequest

SHORTEST = 512
COMFORTABLE_MICRO_BATCH = 4
OVERFLOW_IN_FP16 = frozenset({"t5", "mt5", "umt5"})
LEAST_KTO = 2
"""KTO pairs the rows of a micro-batch among each other: one row alone has no partner (TRL's KTOTrainer)."""
TILED_OBJECTIVES = frozenset({"sft", "cpt", "dpo", "kto", "grpo"})
EIGHT_BIT = "adamw_8bit"


@dataclass(frozen=True)
class Setup:
    """Everything about a run that decides its memory. `micro_batch` is sequences per GPU, `max_length` tokens."""

    adapter: str
    max_length: int
    micro_batch: int
    gradient_checkpointing: bool
    optim: str
    sharding: str
    precision: str
    quantization: str
    attention: str
    packing: bool
    lora_r: int | None
    target_modules: str | None
    vram: FitAnswer | None = None


def precision_for(question: Question) -> str:
    """bf16 where the card computes in it, else fp16 (Turing, Volta and Pascal have no bf16).

    T5 was trained in bf16 and overflows in fp16: there it is fp32.
    """
    if question.hardware is None or question.hardware.gpu.bf16:
        return "bf16"
    return "fp32" if question.subject.architecture.model_type in OVERFLOW_IN_FP16 else "fp16"


def first_setup(question: Question, adapter: str, optim: str, rank: int | None) -> Setup:
    """The setup before any memory is counted: no checkpointing, no sharding, the wanted length."""
    return Setup(
        adapter=adapter,
        max_length=wanted_length(question),
        micro_batch=1,
        gradient_checkpointing=False,
        optim=optim,
        sharding="ddp" if question.gpus > 1 else "none",
        precision=precision_for(question),
        quantization="nf4-dq" if adapter == "qlora" else "none",
        attention="eager" if question.subject.architecture.model_type in EAGER_ONLY else "sdpa",
        packing=question.task.packing and question.objective in ("sft", "cpt") and question.subject.kind == "causal_lm",
        lora_r=rank,
        target_modules=None if adapter == "full" else "all-linear",
    )


def wanted_length(question: Question) -> int:
    """The requested length, or the task's, never beyond the positions that the model was made for (tokens)."""
    if question.seq_len:
        return question.seq_len
    subject = question.subject
    longest = subject.hard_limit or subject.architecture.max_position_embeddings or question.task.max_length
    return min(question.task.max_length, longest)


def priced_attention(question: Question, setup: Setup) -> str:
    """The attention whose memory is counted. Where heads share keys, transformers 5 hands SDPA the grouped keys of an
    unpadded batch, and without FlashAttention (Turing and older) only the kernel that writes out all scores takes them.
    """
    hardware, architecture = question.hardware, question.subject.architecture
    grouped = 0 < architecture.num_key_value_heads < architecture.num_attention_heads
    written_out = hardware is not None and not hardware.gpu.flash_attention_2 and grouped
    return "eager" if written_out and setup.attention == "sdpa" else setup.attention


def framework_of(question: Question) -> str:
    """The profile of the notebook that trains this: TRL's trainers fuse the output head, the others do not."""
    fused = question.objective in TILED_OBJECTIVES and question.subject.kind == "causal_lm"
    fused = fused and question.task.id != "classification"
    return "open-finetune-config" if fused else "open-finetune-plain"


def request_for(question: Question, setup: Setup) -> FitRequest:
    """The memory question of a setup, in the words of `ftc fit`."""
    subject, hardware = question.subject, question.hardware
    full_precision = setup.adapter == "full" and setup.precision == "fp16"
    fields: dict[str, Any] = {
        "method": setup.adapter,
        "objective": question.objective,
        "framework": framework_of(question),
        "dtype": "fp32" if full_precision else setup.precision,
        "amp": "fp16" if full_precision else "none" if setup.precision == "fp32" else None,
        "quant": setup.quantization,
        "optimizer": setup.optim,
        "lora_r": setup.lora_r,
        "lora_targets": setup.target_modules,
        "micro_batch": setup.micro_batch,
        "seq_len": setup.max_length,
        "seq_len_kind": "packed" if setup.packing else "padded-max",
        "grad_checkpointing": setup.gradient_checkpointing,
        "attention": priced_attention(question, setup),
        "compile": False,
        "chunked_or_fused_loss": False,
        "kbit_preparation": False,
        "optimizer_in_backward": False,
        "activation_offload": False,
        "gpus": question.gpus,
        "sharding": setup.sharding,
        "gpu": f"{hardware.gpu.id} ({hardware.usable_gib} GiB)" if hardware else None,
    }
    if subject.model is not None:
        fields["model"] = subject.model.id
    elif question.request.model_config_ is not None:
        fields |= {"model_config": question.request.model_config_, "params_b": question.request.params_b}
    else:
        fields |= {"model": subject.name, "params_b": subject.parameters / 1e9}
    return FitRequest.model_validate(fields)


def ladder(question: Question, setup: Setup) -> Iterator[Setup]:
    """Setups from the most to the least comfortable, at one length."""
    checkpointed = replace(setup, gradient_checkpointing=True)
    shards = ["zero2", "fsdp"] if setup.adapter == "full" else ["fsdp"]
    sharded = [replace(checkpointed, sharding=name) for name in shards] if question.gpus > 1 else []
    yield from (setup, checkpointed, *sharded)
    if setup.adapter == "full":
        yield from (replace(option, optim=EIGHT_BIT) for option in (checkpointed, *sharded))


def lengths(question: Question) -> list[int]:
    """Lengths to try: the requested one only, or the wanted one and its halves down to 512 tokens."""
    options = [wanted_length(question)]
    while question.seq_len is None and options[-1] // 2 >= SHORTEST:
        options.append(options[-1] // 2)
    return options


def solve(repo: Repo, question: Question, setup: Setup, per_gpu: int) -> Setup | None:
    """The first setup of the ladder that fits, with its largest micro-batch up to `per_gpu`; None when none does."""
    if question.hardware is None:
        raise ValueError("sizing needs a card")
    sizes = micro_batches(per_gpu)
    sizes = sizes[sizes >= LEAST_KTO] if question.objective == "kto" else sizes
    for length in lengths(question):
        for option in ladder(question, replace(setup, max_length=length)):
            upper = bounds(repo, request_for(question, option), sizes, np.array([float(length)]))
            fitting = sizes[np.isfinite(upper) & (upper <= question.hardware.usable_gib)]
            least = 1 if option.gradient_checkpointing else min(per_gpu, COMFORTABLE_MICRO_BATCH)
            if fitting.size and fitting.max() >= least:
                chosen = replace(option, micro_batch=int(fitting.max()))
                return replace(chosen, vram=fit(repo, request_for(question, chosen)))
    return None


def micro_batches(per_gpu: int) -> NDArray[np.float64]:
    """Divisors of the per-GPU batch, ascending: accumulation stays whole and the effective batch exact."""
    return np.array([size for size in range(1, min(per_gpu, 256) + 1) if per_gpu % size == 0], dtype=np.float64)


def tightest(repo: Repo, question: Question, setup: Setup) -> Setup:
    """The last rung at the smallest micro-batch: what to show when nothing fits."""
    last = list(ladder(question, replace(setup, max_length=lengths(question)[-1])))[-1]
    last = replace(last, micro_batch=LEAST_KTO if question.objective == "kto" else 1)
    return replace(last, vram=fit(repo, request_for(question, last)))
