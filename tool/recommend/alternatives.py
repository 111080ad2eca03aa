"""When nothing fits: what would. A smaller length, another adapter, another card, more of the same card."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tool.load import Repo
from tool.memory import bounds
from tool.recommend.question import Question
from tool.recommend.sizing import Setup, request_for

CARDS_SHOWN = 3
CHEAPER = {"full": ("lora", "qlora"), "lora": ("qlora",), "dora": ("qlora",), "qlora": ()}


def what_would_fit(repo: Repo, question: Question, tightest: Setup, rank: int | None) -> list[str]:
    """Plain sentences, the cheapest change first. Empty when not even the largest card would do."""
    if question.hardware is None:
        return []
    found = _shorter(repo, question, tightest) + _adapters(repo, question, tightest, rank)
    return found + _cards(repo, question, tightest)


def _upper(repo: Repo, question: Question, setup: Setup, length: int) -> float:
    upper = bounds(repo, request_for(question, setup), np.array([1.0]), np.array([float(length)]))
    return float(upper.ravel()[0])


def _shorter(repo: Repo, question: Question, setup: Setup) -> list[str]:
    usable = question.hardware.usable_gib if question.hardware else 0.0
    length = setup.max_length // 2
    while length >= 64:
        if _upper(repo, question, setup, length) <= usable:
            return [f"it would fit with a length of {length} tokens (--seq-len {length})"]
        length //= 2
    return []


def _adapters(repo: Repo, question: Question, setup: Setup, rank: int | None) -> list[str]:
    hardware = question.hardware
    for adapter in CHEAPER[setup.adapter]:
        if adapter == "qlora" and hardware and not hardware.gpu.bitsandbytes_nf4:
            continue
        quantization = "nf4-dq" if adapter == "qlora" else "none"
        other = replace(
            setup, adapter=adapter, quantization=quantization, lora_r=rank or 16, target_modules="all-linear"
        )
        if hardware and _upper(repo, question, other, setup.max_length) <= hardware.usable_gib:
            return [f"it would fit with --adapter {adapter}"]
    return []


def _cards(repo: Repo, question: Question, setup: Setup) -> list[str]:
    """The smallest cards that would do, one of each memory size."""
    hardware = question.hardware
    if hardware is None:
        return []
    cards = [gpu for gpu in repo.gpus if gpu.vendor == "nvidia" and gpu.usable_gib > hardware.usable_gib]
    fitting: list[str] = []
    sizes: set[int] = set()
    needs: dict[tuple[bool, str], float] = {}
    for gpu in sorted(cards, key=lambda gpu: (gpu.usable_gib, gpu.id)):
        kind = (gpu.bf16, gpu.architecture)
        if kind not in needs:
            other = replace(question, hardware=replace(hardware, gpu=gpu, usable_gib=gpu.usable_gib))
            fitted = replace(setup, precision="bf16" if gpu.bf16 else "fp16")
            needs[kind] = _upper(repo, other, fitted, setup.max_length)
        size = round(gpu.usable_gib)
        if size not in sizes and needs[kind] <= gpu.usable_gib:
            sizes.add(size)
            fitting.append(f"{gpu.id} ({gpu.usable_gib:g} GiB)")
        if len(fitting) == CARDS_SHOWN:
            break
    return [f"it would fit on {', '.join(fitting)}"] if fitting else []
