"""Why a run takes what it takes, and the cheapest changes that would make it fit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tool.load import Repo
from tool.memory.answer import fit
from tool.schema.fit import FitAnswer, FitRequest

WIDTH = 40
_RANK = {"fits": 0, "tight": 1, "oom": 2, "abstain": 3}


def bar_chart(answer: FitAnswer) -> str:
    """One line a term, largest first, with a bar in proportion."""
    largest = max(answer.terms.values(), default=1.0)
    name_width = max((len(name) for name in answer.terms), default=1)
    lines = []
    for name, size in sorted(answer.terms.items(), key=lambda item: (-item[1], item[0])):
        bar = "█" * max(1, round(WIDTH * size / largest)) if size >= largest / (2 * WIDTH) else "▏"
        lines.append(f"{name:<{name_width}}  {size:8.3f} GiB  {bar}")
    return "\n".join(lines)


def _options(request: FitRequest) -> Iterator[tuple[str, dict[str, Any]]]:
    """Changes from the cheapest to the dearest: what costs nothing, then time, then quality, then money."""
    micro_batch, seq_len = request.micro_batch or 1, request.seq_len or 2048
    if request.attention == "eager":
        yield "attention sdpa", {"attention": "sdpa"}
    if request.chunked_or_fused_loss is not True:
        yield "a fused or chunked loss", {"chunked_or_fused_loss": True}
    while micro_batch > 1:
        micro_batch //= 2
        yield f"micro-batch {micro_batch} with more accumulation", {"micro_batch": micro_batch}
    if request.grad_checkpointing is not True:
        yield "gradient checkpointing", {"grad_checkpointing": True}
    if request.optimizer is None or "8bit" not in request.optimizer:
        yield "an 8-bit optimizer", {"optimizer": "adamw_8bit"}
    if request.activation_offload is not True:
        yield "checkpoints in host memory", {"activation_offload": True, "grad_checkpointing": True}
    if request.method == "full":
        yield "LoRA instead of full fine-tuning", {"method": "lora", "master_weights": None, "lora_r": 16}
    if request.method in ("full", "lora", "dora", None):
        yield "QLoRA (NF4)", {"method": "qlora", "quant": "nf4-dq", "master_weights": None}
    while seq_len > 256:
        seq_len //= 2
        yield f"length {seq_len}", {"seq_len": seq_len}
    for gpus in (2, 4, 8):
        if gpus > (request.gpus or 1):
            yield f"{gpus} GPUs with FSDP", {"gpus": gpus, "sharding": "fsdp"}


def cheapest_changes(repo: Repo, request: FitRequest, most: int = 3) -> list[dict[str, Any]]:
    """Up to three single changes that would make it fit, cheapest first; where none does, those that save most."""
    now = fit(repo, request)
    if now.verdict in ("fits", "abstain") or now.upper_gib is None:
        return []
    tried: list[dict[str, Any]] = []
    for name, change in _options(request):
        answer = fit(repo, request.model_copy(update=change))
        if answer.upper_gib is not None and answer.upper_gib < now.upper_gib:
            tried.append({"change": name, "upper_gib": answer.upper_gib, "verdict": answer.verdict})
    fitting = [option for option in tried if option["verdict"] == "fits"]
    return fitting[:most] or sorted(tried, key=lambda option: (_RANK[option["verdict"]], option["upper_gib"]))[:most]
