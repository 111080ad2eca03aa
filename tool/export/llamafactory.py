"""LLaMA-Factory's YAML (`llamafactory-cli train FILE`), keys of 0.9.5."""

from __future__ import annotations

from tool.export.engine import Framework, Key, Native, Plan

_ATTENTION = {"sdpa": "sdpa", "flash_attention_2": "fa2", "eager": "disabled"}
KEYS = (
    Key("max_length", "cutoff_len", "tokens"),
    Key("packing", "packing"),
    Key("learning_rate", "learning_rate"),
    Key("per_device_train_batch_size", "per_device_train_batch_size", "sequences"),
    Key("gradient_accumulation_steps", "gradient_accumulation_steps"),
    Key("num_train_epochs", "num_train_epochs", "epochs"),
    Key("max_steps", "max_steps", "steps"),
    Key("lr_scheduler_type", "lr_scheduler_type"),
    Key("warmup_ratio", "warmup_ratio", "share of all steps"),
    Key("weight_decay", "weight_decay"),
    Key("max_grad_norm", "max_grad_norm"),
    Key("optim", "optim"),
    Key("gradient_checkpointing", "disable_gradient_checkpointing", "the opposite", lambda value: not value),
    Key("attn_implementation", "flash_attn", write=lambda value: _ATTENTION.get(value, "auto")),
    Key("seed", "seed"),
    Key("lora_r", "lora_rank"),
    Key("lora_alpha", "lora_alpha", write=int),
    Key("lora_dropout", "lora_dropout"),
    Key("use_rslora", "use_rslora"),
)
_STAGES = {"sft": "sft", "cpt": "pt", "dpo": "dpo", "orpo": "dpo", "simpo": "dpo", "kto": "kto"}


def shape(plan: Plan, native: Native) -> None:
    config = native.config
    config |= {"model_name_or_path": plan.model, "dataset": plan.dataset, "dataset_dir": "ONLINE"}
    config |= {"stage": _STAGES[plan.objective], "do_train": True, "output_dir": "outputs"}
    config["finetuning_type"] = "full" if plan.adapter == "full" else "lora"
    config["bf16"], config["fp16"] = plan.precision == "bf16", plan.precision == "fp16"
    native.command = "llamafactory-cli train"
    native.launch = {"num_gpus": plan.gpus}
    if plan.precision == "fp32":
        native.implied.add("precision")
    if plan.objective in ("dpo", "orpo", "simpo"):
        config["pref_loss"] = {"dpo": "sigmoid"}.get(plan.objective, plan.objective)
    if plan.objective in ("dpo", "orpo", "simpo", "kto") and "beta" in plan.values:
        config["pref_beta"] = plan.values["beta"]
    if plan.adapter != "full":
        _adapter(plan, native)


def _adapter(plan: Plan, native: Native) -> None:
    config = native.config
    targets = plan.values.get("target_modules", "all-linear")
    names = [targets] if isinstance(targets, str) else list(targets)
    config["lora_target"] = "all" if names == ["all-linear"] else ",".join(names)
    if plan.adapter == "dora":
        config["use_dora"] = True
    if plan.quantization in ("nf4", "nf4-dq"):
        config |= {"quantization_bit": 4, "quantization_type": "nf4"}
        config["double_quantization"] = plan.quantization == "nf4-dq"
    elif plan.quantization == "int8":
        config["quantization_bit"] = 8


FRAMEWORK = Framework(
    "llamafactory",
    "LLaMA-Factory",
    "0.9.5",
    "llamafactory",
    frozenset(_STAGES),
    KEYS,
    shape,
    frozenset({"precision", "quantization", "target_modules", "beta"}),
)
