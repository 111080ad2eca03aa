"""What a framework's parsed objects hold, beside what was recommended."""

from __future__ import annotations

import math
from typing import Any

from tool.tests.frameworks.design import Case

FIELDS = (
    "objective", "learning_rate", "per_device_train_batch_size", "gradient_accumulation_steps", "num_train_epochs",
    "lr_scheduler_type", "warmup_ratio", "weight_decay", "max_grad_norm", "optim", "gradient_checkpointing", "seed",
    "precision", "max_length", "packing", "attn_implementation", "quantization", "lora_r", "lora_alpha", "lora_dropout",
    "use_rslora", "target_modules", "beta", "num_generations",
)  # fmt: skip
ALL_LINEAR = ["down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj"]
OPTIMIZERS = {"adamw_bnb_8bit": "AdamW8bit", "adamw_8bit": "AdamW8bit", "paged_adamw_8bit": "PagedAdamW8bit"}
"""torchtune's file names classes."""


def differences(name: str, case: Case, read: dict[str, Any]) -> list[str]:
    """A sentence for each field that the framework would run with another value, and no warning says so."""
    plan, native = case.plan, case.done.native
    found = []
    packed = bool(native.config.get("packing"))
    for field in FIELDS:
        if field in native.lost or field in native.implied or field not in plan.values:
            continue
        if field == "warmup_ratio" and "warmup_steps" in read:
            continue  # counted in steps
        if field == "beta" and plan.objective in ("sft", "cpt"):
            continue
        ours, theirs = plan.values[field], read.get(field)
        if not _same(_as_theirs(name, field, ours, packed), theirs):
            found.append(f"{field}: recommended {ours!r}, {name} reads {theirs!r}")
    if "warmup_steps" in read and read["warmup_steps"] != _warmup_steps(case):
        found.append(f"warm-up: recommended {_warmup_steps(case)} steps, it reads {read['warmup_steps']}")
    found += _structure(case, read)
    return found


def _warmup_steps(case: Case) -> int:
    """Steps of warm-up for a framework that counts them: the share of all steps, where those are known."""
    plan = case.plan  # by the rows, not by what the export made of them
    if plan.rows is None or plan.values["lr_scheduler_type"] == "constant":
        return 0
    batch = plan.values["per_device_train_batch_size"] * plan.values["gradient_accumulation_steps"] * plan.gpus
    steps = max(1, int(plan.rows * plan.values["num_train_epochs"] / batch))
    return round(plan.values["warmup_ratio"] * steps)


def _structure(case: Case, read: dict[str, Any]) -> list[str]:
    """Model, adapter, sharding and the length of answers."""
    plan, native = case.plan, case.done.native
    found = []
    if plan.model.split("/")[-1] != str(read["model"]).split("/")[-1]:
        found.append(f"model: {read['model']!r}")
    adapter = "lora" if plan.adapter == "qlora" else plan.adapter
    if adapter != read["adapter"] and "adapter" not in native.lost:
        found.append(f"adapter: recommended {plan.adapter}, it reads {read['adapter']}")
    if plan.objective == "grpo" and read["max_completion_length"] != plan.values["max_length"] // 2:
        found.append(f"answers of {read['max_completion_length']} tokens")
    sharded = plan.sharding in ("fsdp", "zero2")
    if sharded and not read.get("fsdp") and "sharding" not in native.lost and "accelerate" not in native.start:
        found.append(f"sharding: recommended {plan.sharding}, it shares out nothing")
    return found


def _as_theirs(name: str, field: str, value: Any, packed: bool) -> Any:
    """Our value in the form that the probe of this framework reports."""
    if field == "target_modules" and value != "all-linear":
        return sorted(value)
    if name == "llamafactory" and field == "max_length" and packed:
        return value - 1  # it packs into one token less, for its padding to a multiple of eight
    if name == "torchtune" and field == "target_modules":
        return ALL_LINEAR
    if name == "torchtune" and field == "optim":
        return OPTIMIZERS.get(value, value)
    return value


def _same(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, list) and isinstance(theirs, list):
        return sorted(ours) == sorted(theirs)
    if isinstance(ours, int | float) and not isinstance(ours, bool) and isinstance(theirs, int | float):
        return math.isclose(ours, theirs, rel_tol=1e-9)
    return bool(ours == theirs)
