"""Published laws and defaults: the widest prior, used where no recipe speaks and as the centre of shrinkage.

Each value carries its source. Learning rates are for AdamW, per optimizer step.
"""

from __future__ import annotations

from typing import NamedTuple

from tool.schema.base import Adapter, Objective
from tool.schema.priors import AdapterKind, ObjectiveKind, PriorFieldName

_TRL = "TRL documentation: SFT 2e-5 → 2e-4 with LoRA, DPO 5e-7 → 5e-6, GRPO 1e-6 → 1e-5"
_QLORA = "QLoRA scripts (artidoro/qlora): batch 16, constant schedule, warm-up 0.03, clip 0.3"
_HF = "Hugging Face Trainer defaults"


class Law(NamedTuple):
    """A value and where it was published."""

    value: float | str
    source: str


_RATES: dict[tuple[ObjectiveKind, bool], float] = {
    ("sft", True): 2e-5,
    ("sft", False): 2e-4,
    ("cpt", True): 2e-5,
    ("cpt", False): 2e-4,
    ("preference", True): 5e-7,
    ("preference", False): 5e-6,
    ("grpo", True): 1e-6,
    ("grpo", False): 1e-5,
}
_COMMON: dict[PriorFieldName, Law] = {
    "effective_batch_size": Law(16.0, _QLORA),
    "lora_r": Law(16.0, "LoRA rank 16–32 on all linear layers (PEFT method comparison)"),
    "lora_alpha_ratio": Law(2.0, "PEFT examples: lora_alpha = 2 × r"),
    "lora_dropout": Law(0.05, _QLORA),
    "num_train_epochs": Law(1.0, "one epoch above 2,000 rows (Unsloth guide)"),
    "max_length": Law(2048.0, "TRL and Alignment Handbook recipes"),
    "warmup_ratio": Law(0.03, _QLORA),
    "weight_decay": Law(0.0, _HF),
    "max_grad_norm": Law(1.0, _HF),
    "lr_scheduler_type": Law("cosine", "Alignment Handbook recipes"),
    "optim": Law("adamw_torch", _HF),
}


def objective_kind(objective: Objective) -> ObjectiveKind:
    """Preference objectives share their magnitudes: their losses work on log-ratios of the same model."""
    if objective in ("dpo", "orpo", "kto", "simpo"):
        return "preference"
    return "cpt" if objective == "cpt" else "grpo" if objective == "grpo" else "sft"


def adapter_kind(adapter: Adapter) -> AdapterKind:
    """DoRA is LoRA with a learned magnitude and takes LoRA's settings."""
    return "lora" if adapter == "dora" else adapter


def law(field: PriorFieldName, objective: ObjectiveKind, adapter: AdapterKind) -> Law:
    """The published value of a field."""
    if field == "learning_rate":
        return Law(_RATES[objective, adapter == "full"], _TRL)
    if field == "max_grad_norm" and adapter == "qlora":
        return Law(0.3, _QLORA)
    return _COMMON[field]
