"""What the frameworks call one and the same thing (the last part of the key)."""

from __future__ import annotations

NAMES: dict[str, tuple[str, ...]] = {
    "learning_rate": ("learning_rate", "lr"),
    "micro_batch": ("per_device_train_batch_size", "micro_batch_size", "batch_size"),
    "accumulation": ("gradient_accumulation_steps",),
    "max_length": ("max_length", "max_seq_length", "sequence_len", "cutoff_len", "model_max_length", "max_seq_len"),
    "epochs": ("num_train_epochs", "num_epochs", "epochs", "max_epochs"),
    "max_steps": ("max_steps", "train_iters"),
    "warmup_ratio": ("warmup_ratio", "lr_warmup_fraction"),
    "warmup_steps": ("warmup_steps", "num_warmup_steps", "lr_warmup_iters"),
    "scheduler": ("lr_scheduler_type", "lr_scheduler"),
    "weight_decay": ("weight_decay",),
    "max_grad_norm": ("max_grad_norm", "gradient_clipping", "clip_grad_norm", "clip_grad"),
    "optim": ("optim", "optimizer"),
    "lora_r": ("lora_r", "r", "lora_rank"),
    "lora_alpha": ("lora_alpha",),
    "lora_dropout": ("lora_dropout", "lora_dropout_p"),
    "target_modules": ("lora_target_modules", "target_modules", "lora_target", "lora_attn_modules"),
    "packing": ("packing", "sample_packing", "packed", "pack", "neat_packing"),
    "beta": ("beta", "pref_beta", "rl_beta", "dpo_beta", "rlhf_beta"),
    "num_generations": ("num_generations",),
    "model": ("model_name_or_path", "base_model", "model_name", "model", "model_id_or_path", "checkpoint_dir"),
}
"""Canonical field → its names."""
WORTH_NAMING = frozenset(NAMES) - {"model"}


def other_names(name: str) -> tuple[str, ...]:
    """What else a key is called elsewhere; empty for keys that are not in the table."""
    found = [names for field, names in NAMES.items() if field in WORTH_NAMING and name in names]
    return tuple(other for names in found for other in names if other != name)
