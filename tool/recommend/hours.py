"""Rough training time from arithmetic: floating-point operations over what the card sustains."""

from __future__ import annotations

from tool.recommend.question import Question, Subject
from tool.recommend.sizing import Setup

UTILIZATION = {"full": 0.35, "lora": 0.30, "dora": 0.22, "qlora": 0.22}
"""Share of the card's dense peak that fine-tuning sustains: assumed, between published 0.2 and 0.5."""
FILL = 0.5
"""Rows are assumed to fill half of the length when they are padded or packed to it."""


def estimated_hours(question: Question, setup: Setup, epochs: float) -> float | None:
    """Hours for all epochs; None without a card, its TFLOP/s or the number of rows, and for reinforcement.

    Reinforcement spends most of its time writing answers, token by token: how long they become, and how fast a
    program writes them, no arithmetic on the request tells.

    6 operations a parameter and token (2 forward, 4 backward; 2 less where frozen weights need no gradient), one more
    forward with checkpointing (Kaplan et al. 2020, arXiv 2001.08361, section 2.1).
    """
    hardware, rows = question.hardware, question.request.dataset_rows
    if hardware is None or rows is None or question.objective == "grpo":
        return None
    peak = hardware.gpu.bf16_tflops if setup.precision == "bf16" else hardware.gpu.fp16_tflops
    peak = peak or hardware.gpu.fp16_tflops
    if not peak:
        return None
    passes = (6.0 if setup.adapter == "full" else 4.0) + (2.0 if setup.gradient_checkpointing else 0.0)
    if question.objective in ("dpo", "kto", "simpo", "orpo"):
        passes *= 2
    tokens = rows * epochs * setup.max_length * FILL
    operations = passes * active_parameters(question.subject) * tokens
    return operations / (peak * 1e12 * UTILIZATION[setup.adapter] * question.gpus) / 3600


def active_parameters(subject: Subject) -> float:
    """Parameters that one token passes through: of a mixture of experts only the chosen ones."""
    shape, experts = subject.architecture, subject.architecture.experts
    if experts is None:
        return subject.parameters
    kinds = shape.layer_kinds or ()
    layers = kinds.count("moe") or shape.num_hidden_layers - experts.dense_layers
    matrices = 3 if experts.gated else 2
    width = experts.latent_size or shape.hidden_size
    resting = experts.num_experts - experts.num_experts_per_tok
    return subject.parameters - float(layers * resting * matrices * width * experts.intermediate_size)
