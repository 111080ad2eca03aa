"""Unsloth: a Python script, since Unsloth is a library. Keys are `Class.argument` of the calls that it makes."""

from __future__ import annotations

from tool.export.engine import Framework, Key, Native, Plan

_CONFIGS = {"sft": "SFTConfig", "cpt": "SFTConfig", "dpo": "DPOConfig"}
TRAINER_KEYS = (
    Key("learning_rate", "learning_rate"),
    Key("per_device_train_batch_size", "per_device_train_batch_size", "sequences"),
    Key("gradient_accumulation_steps", "gradient_accumulation_steps"),
    Key("num_train_epochs", "num_train_epochs", "epochs"),
    Key("max_steps", "max_steps", "steps"),
    Key("max_length", "max_length", "tokens"),
    Key("lr_scheduler_type", "lr_scheduler_type"),
    Key("warmup_ratio", "warmup_steps", "share of all steps"),
    Key("weight_decay", "weight_decay"),
    Key("max_grad_norm", "max_grad_norm"),
    Key("optim", "optim"),
    Key("seed", "seed"),
)
ADAPTER_KEYS = (
    Key("lora_r", "r"),
    Key("lora_alpha", "lora_alpha"),
    Key("lora_dropout", "lora_dropout"),
    Key("use_rslora", "use_rslora"),
)


def shape(plan: Plan, native: Native) -> None:
    config, values = native.config, plan.values
    trainer = _CONFIGS[plan.objective]
    native.command = "python"
    native.start = "python FILE"
    loader = "FastLanguageModel.from_pretrained"
    config |= {f"{loader}.model_name": plan.model, f"{loader}.max_seq_length": values["max_length"]}
    config[f"{loader}.load_in_4bit"] = plan.quantization.startswith("nf4")
    config[f"{loader}.load_in_8bit"] = plan.quantization == "int8"
    config[f"{loader}.full_finetuning"] = plan.adapter == "full"
    config["load_dataset.path"] = plan.data.name
    for key in TRAINER_KEYS:
        if values.get(key.ours) is not None:
            config[f"{trainer}.{key.theirs}"] = values[key.ours]
    config |= {f"{trainer}.bf16": plan.precision == "bf16", f"{trainer}.fp16": plan.precision == "fp16"}
    if trainer == "SFTConfig":
        config["SFTConfig.packing"] = bool(values.get("packing", False))
    else:
        native.implied.add("packing")
        config["DPOConfig.beta"] = values.get("beta", 0.1)
    native.implied |= {"attn_implementation", "gradient_checkpointing"}
    if plan.precision == "fp32":
        native.implied.add("precision")
    if plan.quantization == "nf4-dq":
        native.implied.add("quantization")  # Unsloth's 4-bit loader always double-quantises
    if plan.quantization == "nf4":
        native.lost["quantization"] = "Unsloth's 4-bit weights always have double-quantised scales"
    if plan.objective == "cpt":
        native.lost["objective"] = "for Unsloth this is supervised fine-tuning on a column of texts"
    if plan.gpus > 1:
        native.lost["gpus"] = f"the script drives one GPU (ours: {plan.gpus}): accumulation is raised to match"
        config[f"{trainer}.gradient_accumulation_steps"] *= plan.gpus
    if plan.adapter != "full":
        _adapter(plan, native)


def _adapter(plan: Plan, native: Native) -> None:
    wrap = "FastLanguageModel.get_peft_model"
    for key in ADAPTER_KEYS:
        if plan.values.get(key.ours) is not None:
            native.config[f"{wrap}.{key.theirs}"] = plan.values[key.ours]
    targets = plan.values.get("target_modules", "all-linear")
    native.config[f"{wrap}.target_modules"] = targets if isinstance(targets, str) else list(targets)
    checkpointing = plan.values.get("gradient_checkpointing", True)
    native.config[f"{wrap}.use_gradient_checkpointing"] = "unsloth" if checkpointing else False
    native.config[f"{wrap}.random_state"] = plan.values.get("seed", 42)
    if plan.adapter == "dora":
        native.config[f"{wrap}.use_dora"] = True


FRAMEWORK = Framework(
    "unsloth",
    "Unsloth",
    "2026.10.9",
    "unsloth",
    frozenset(_CONFIGS),
    (),
    shape,
    frozenset(
        {key.ours for key in (*TRAINER_KEYS, *ADAPTER_KEYS)}
        | {"precision", "quantization", "target_modules", "beta", "packing", "gradient_checkpointing"}
        | {"attn_implementation"}
    ),
)
