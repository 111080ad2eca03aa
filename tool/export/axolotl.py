"""Axolotl's YAML, keys of 0.19."""

from __future__ import annotations

from tool.export.engine import Framework, Key, Native, Plan

KEYS = (
    Key("max_length", "sequence_len", "tokens"),
    Key("packing", "sample_packing"),
    Key("learning_rate", "learning_rate"),
    Key("per_device_train_batch_size", "micro_batch_size", "sequences"),
    Key("gradient_accumulation_steps", "gradient_accumulation_steps"),
    Key("num_train_epochs", "num_epochs", "epochs"),
    Key("max_steps", "max_steps", "steps"),
    Key("lr_scheduler_type", "lr_scheduler"),
    Key("warmup_ratio", "warmup_ratio", "share of all steps"),
    Key("weight_decay", "weight_decay"),
    Key("max_grad_norm", "max_grad_norm"),
    Key("optim", "optimizer"),
    Key("gradient_checkpointing", "gradient_checkpointing"),
    Key("attn_implementation", "attn_implementation"),
    Key("seed", "seed"),
    Key("lora_r", "lora_r"),
    Key("lora_alpha", "lora_alpha", write=int),
    Key("lora_dropout", "lora_dropout"),
    Key("use_rslora", "peft_use_rslora"),
)
_TYPES = {"sft": "chat_template", "cpt": "completion", "grpo": "rewards.transform", "kto": "chatml.argilla"}


def shape(plan: Plan, native: Native) -> None:
    config = native.config
    config["base_model"] = plan.model
    config |= {"datasets.0.path": plan.dataset, "datasets.0.type": _TYPES.get(plan.objective, "chat_template.default")}
    config["bf16"], config["fp16"] = plan.precision == "bf16", plan.precision == "fp16"
    config |= {"output_dir": "outputs"}
    native.command = "axolotl train"
    if plan.precision == "fp32":
        native.implied.add("precision")
    _adapter(plan, native)
    _objective(plan, native)


def _adapter(plan: Plan, native: Native) -> None:
    config = native.config
    if plan.adapter == "full":
        return
    config["adapter"] = "qlora" if plan.quantization.startswith("nf4") else "lora"
    targets = plan.values.get("target_modules", "all-linear")
    if targets == "all-linear":
        config["lora_target_linear"] = True
    else:
        config["lora_target_modules"] = [targets] if isinstance(targets, str) else list(targets)
    if plan.adapter == "dora":
        config["peft_use_dora"] = True
    if plan.quantization in ("nf4", "nf4-dq"):
        config["load_in_4bit"] = True
        config["bnb_config_kwargs.bnb_4bit_use_double_quant"] = plan.quantization == "nf4-dq"
    elif plan.quantization == "int8":
        config["load_in_8bit"] = True


def _objective(plan: Plan, native: Native) -> None:
    config, values = native.config, plan.values
    if plan.objective in ("sft", "cpt"):
        return
    config["rl"] = plan.objective
    if plan.objective == "grpo":
        config["trl.beta"] = values.get("beta", 0.0)
        config["trl.num_generations"] = values.get("num_generations", 8)
        config["trl.max_completion_length"] = int(values["max_length"]) // 2
        config["trl.reward_funcs"] = ["rewards.reward"]
    elif "beta" in values:
        config["rl_beta"] = values["beta"]


FRAMEWORK = Framework(
    "axolotl",
    "Axolotl",
    "0.19.0",
    "axolotl",
    frozenset({"sft", "cpt", "dpo", "kto", "orpo", "simpo", "grpo"}),
    KEYS,
    shape,
    frozenset({"precision", "quantization", "target_modules", "beta", "num_generations"}),
)
