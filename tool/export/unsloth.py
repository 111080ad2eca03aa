"""Unsloth is a library: a script of the notebook's cells, in which Unsloth loads the model and wraps the adapter."""

from __future__ import annotations

from dataclasses import replace

from tool.export.engine import Framework, Native, Plan
from tool.export.script import on_one_gpu, render, start

_TRAINED = frozenset({"sft", "cpt", "dpo"})


def shape(plan: Plan, native: Native) -> None:
    start(plan, native)
    native.implied |= {"attn_implementation"}
    if plan.values.get("attn_implementation") not in (None, "sdpa"):
        native.lost["attn_implementation"] = "Unsloth chooses its attention itself"
    if plan.adapter == "full" or plan.quantization == "nf4-dq":
        native.implied.add("quantization")  # Unsloth's 4-bit loader always double-quantises
    if plan.quantization == "nf4":
        native.lost["quantization"] = "Unsloth's 4-bit weights always have double-quantised scales"
    if plan.gpus > 1:
        native.lost["gpus"] = f"the script drives one GPU (ours: {plan.gpus}): accumulation is raised to match"
    if plan.sharding in ("fsdp", "zero2"):
        native.lost["sharding"] = f"sized for {plan.sharding} over {plan.gpus} GPUs: one card needs more than it says"
    if plan.source is not None:
        plan = replace(plan, source=on_one_gpu(*plan.source))
    native.body = render(plan, "unsloth")


FRAMEWORK = Framework("unsloth", "Unsloth", "2026.10.9", "unsloth", _TRAINED, (), shape, frozenset(), "unsloth")
