"""Oumi's YAML (`oumi train -c FILE`), keys of 0.9."""

from __future__ import annotations

from tool.export.engine import DTYPES, Framework, Key, Native, Plan

KEYS = (
    Key("max_length", "model.model_max_length", "tokens"),
    Key("packing", "data.train.pack"),
    Key("attn_implementation", "model.attn_implementation"),
    Key("learning_rate", "training.learning_rate"),
    Key("per_device_train_batch_size", "training.per_device_train_batch_size", "sequences"),
    Key("gradient_accumulation_steps", "training.gradient_accumulation_steps"),
    Key("num_train_epochs", "training.num_train_epochs", "whole epochs", lambda value: max(1, round(value))),
    Key("max_steps", "training.max_steps", "steps"),
    Key("lr_scheduler_type", "training.lr_scheduler_type"),
    Key("warmup_ratio", "training.warmup_ratio", "share of all steps"),
    Key("weight_decay", "training.weight_decay"),
    Key("max_grad_norm", "training.max_grad_norm"),
    Key("optim", "training.optimizer"),
    Key("gradient_checkpointing", "training.enable_gradient_checkpointing"),
    Key("seed", "training.seed"),
    Key("lora_r", "peft.lora_r"),
    Key("lora_alpha", "peft.lora_alpha", write=int),
    Key("lora_dropout", "peft.lora_dropout"),
)
_TRAINERS = {"sft": "TRL_SFT", "cpt": "TRL_SFT", "dpo": "TRL_DPO", "kto": "TRL_KTO", "grpo": "TRL_GRPO"}
_MIXED = {"bf16": "BF16", "fp16": "FP16", "fp32": "NONE"}


def shape(plan: Plan, native: Native) -> None:
    config, values = native.config, plan.values
    wide = plan.precision == "fp32" or (plan.adapter == "full" and plan.precision == "fp16")
    config |= {"model.model_name": plan.model, "model.torch_dtype_str": DTYPES["fp32" if wide else plan.precision]}
    config |= {"data.train.datasets.0.dataset_name": plan.dataset, "training.trainer_type": _TRAINERS[plan.objective]}
    config |= {"training.mixed_precision_dtype": _MIXED[plan.precision], "training.output_dir": "outputs"}
    native.command = "oumi train"
    if wide and plan.precision == "fp16":
        native.implied.add("precision")
    epochs = values.get("num_train_epochs")
    if epochs is not None and epochs != max(1, round(epochs)):
        native.lost["num_train_epochs"] = f"Oumi counts whole epochs (ours: {epochs:g})"
    if plan.objective == "cpt":
        native.lost["objective"] = "for Oumi this is supervised fine-tuning on a column of texts"
        config["data.train.target_col"] = "text"
    if plan.objective in ("dpo", "kto", "grpo") and "beta" in values:
        config["training.trainer_kwargs.beta"] = values["beta"]
    if plan.objective == "grpo":
        config["training.grpo.num_generations"] = values.get("num_generations", 8)
        config["training.grpo.max_completion_length"] = int(values["max_length"]) // 2
    _adapter(plan, native)


def _adapter(plan: Plan, native: Native) -> None:
    config = native.config
    config["training.use_peft"] = plan.adapter != "full"
    if plan.adapter == "full":
        return
    targets = plan.values.get("target_modules", "all-linear")
    config["peft.lora_target_modules"] = [targets] if isinstance(targets, str) else list(targets)
    if plan.adapter == "dora":
        native.lost["adapter"] = "Oumi has no DoRA: the file trains LoRA"
    if plan.quantization != "none":
        config |= {"peft.q_lora": True, "peft.q_lora_bits": 8 if plan.quantization == "int8" else 4}
        config["peft.bnb_4bit_quant_type"] = "nf4"
        config["peft.use_bnb_nested_quant"] = plan.quantization == "nf4-dq"


FRAMEWORK = Framework(
    "oumi",
    "Oumi",
    "0.9",
    "oumi",
    frozenset(_TRAINERS),
    KEYS,
    shape,
    frozenset({"precision", "quantization", "target_modules", "beta", "num_generations"}),
)
