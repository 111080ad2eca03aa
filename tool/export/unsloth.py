"""Unsloth is a library: a script of the notebook's cells, in which Unsloth loads the model and wraps the adapter.

Keys are `Class.argument` of the calls that the script makes.
"""

from __future__ import annotations

from dataclasses import replace

from tool.export.engine import Framework, Key, Native, Plan
from tool.export.script import on_one_gpu, render, start

_CONFIGS = {"sft": "SFTConfig", "cpt": "SFTConfig", "dpo": "DPOConfig"}
_LOAD, _WRAP = "FastLanguageModel.from_pretrained", "FastLanguageModel.get_peft_model"
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
    Key("gradient_checkpointing", "gradient_checkpointing"),
    Key("seed", "seed"),
)
ADAPTER_KEYS = (
    Key("lora_r", "r"),
    Key("lora_alpha", "lora_alpha"),
    Key("lora_dropout", "lora_dropout"),
    Key("use_rslora", "use_rslora"),
    Key("seed", "random_state"),
)


def shape(plan: Plan, native: Native) -> None:
    start(plan, native)
    native.implied |= {"attn_implementation"}
    if plan.values.get("attn_implementation") not in (None, "sdpa"):
        native.lost["attn_implementation"] = "Unsloth chooses its attention itself"
    if plan.quantization == "nf4":
        native.lost["quantization"] = "Unsloth's 4-bit weights always have double-quantised scales"
    else:
        native.implied.add("quantization")  # its 4-bit loader always double-quantises, which no argument says
    if plan.gpus > 1:
        native.lost["gpus"] = f"the script drives one GPU (ours: {plan.gpus}): accumulation is raised to match"
    if plan.sharding in ("fsdp", "zero2"):
        native.lost["sharding"] = f"sized for {plan.sharding} over {plan.gpus} GPUs: one card needs more than it says"
    _calls(plan, native)


def _calls(plan: Plan, native: Native) -> None:
    """The arguments of the calls, as the script gives them."""
    config, values, trainer = native.config, plan.values, _CONFIGS[plan.objective]
    config |= {f"{_LOAD}.model_name": plan.model, f"{_LOAD}.max_seq_length": values["max_length"]}
    config |= {f"{_LOAD}.load_in_4bit": plan.quantization.startswith("nf4")}
    config |= {f"{_LOAD}.load_in_8bit": plan.quantization == "int8", f"{_LOAD}.full_finetuning": plan.adapter == "full"}
    for key in TRAINER_KEYS:
        if values.get(key.ours) is not None:
            config[f"{trainer}.{key.theirs}"] = values[key.ours]
    config[f"{trainer}.gradient_accumulation_steps"] *= plan.gpus
    config |= {f"{trainer}.bf16": plan.precision == "bf16", f"{trainer}.fp16": plan.precision == "fp16"}
    if trainer == "SFTConfig":
        config["SFTConfig.packing"] = bool(values.get("packing", False))
    else:
        config["DPOConfig.beta"] = values.get("beta", 0.1)
    if plan.adapter != "full":
        _adapter(plan, native)


def _adapter(plan: Plan, native: Native) -> None:
    for key in ADAPTER_KEYS:
        if plan.values.get(key.ours) is not None:
            native.config[f"{_WRAP}.{key.theirs}"] = plan.values[key.ours]
    targets = plan.values.get("target_modules", "all-linear")
    native.config[f"{_WRAP}.target_modules"] = targets if isinstance(targets, str) else list(targets)
    checkpointing = plan.values.get("gradient_checkpointing", True)
    native.config[f"{_WRAP}.use_gradient_checkpointing"] = "unsloth" if checkpointing else False
    if plan.adapter == "dora":
        native.config[f"{_WRAP}.use_dora"] = True


def body(plan: Plan) -> str:
    """The script: on one card, whatever was asked for."""
    return render(replace(plan, source=plan.source and on_one_gpu(*plan.source)), "unsloth")


FRAMEWORK = Framework(
    "unsloth", "Unsloth", "2026.10.9", "unsloth", frozenset(_CONFIGS), (), shape, stack="unsloth", body=body
)
