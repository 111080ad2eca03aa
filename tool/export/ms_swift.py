"""ms-swift's YAML (`swift sft --config FILE`), keys of 4.6."""

from __future__ import annotations

from tool.export.engine import DTYPES, Framework, Key, Native, Plan, sixteen_bit

_ATTENTION = {"sdpa": "sdpa", "flash_attention_2": "flash_attn", "eager": "eager"}
KEYS = (
    Key("max_length", "max_length", "tokens"),
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
    Key("gradient_checkpointing", "gradient_checkpointing"),
    Key("attn_implementation", "attn_impl", write=lambda value: _ATTENTION.get(value, value)),
    Key("seed", "seed"),
    Key("lora_r", "lora_rank"),
    Key("lora_alpha", "lora_alpha", write=int),
    Key("lora_dropout", "lora_dropout"),
    Key("use_rslora", "use_rslora"),
)
_COMMANDS = {"sft": "swift sft", "cpt": "swift pt"}


def shape(plan: Plan, native: Native) -> None:
    config, values = native.config, plan.values
    config |= {"model": plan.model, "use_hf": True, "dataset": [plan.dataset], "output_dir": "outputs"}
    config["tuner_type"] = "full" if plan.adapter == "full" else "lora"
    native.command = _COMMANDS.get(plan.objective, "swift rlhf")
    native.launch = {"env.NPROC_PER_NODE": plan.gpus}
    sixteen_bit(plan, native, "torch_dtype", DTYPES)
    if plan.objective not in _COMMANDS:
        config["rlhf_type"] = plan.objective
        if "beta" in values:
            config["beta"] = values["beta"]
    if plan.objective == "grpo":
        config["num_generations"] = values.get("num_generations", 8)
        config["max_completion_length"] = int(values["max_length"]) // 2
    if plan.adapter != "full":
        _adapter(plan, native)


def _adapter(plan: Plan, native: Native) -> None:
    config = native.config
    targets = plan.values.get("target_modules", "all-linear")
    config["target_modules"] = [targets] if isinstance(targets, str) else list(targets)
    if plan.adapter == "dora":
        config["use_dora"] = True
    if plan.quantization in ("nf4", "nf4-dq"):
        config |= {"quant_method": "bnb", "quant_bits": 4, "bnb_4bit_quant_type": "nf4"}
        config["bnb_4bit_use_double_quant"] = plan.quantization == "nf4-dq"
    elif plan.quantization == "int8":
        config |= {"quant_method": "bnb", "quant_bits": 8}


FRAMEWORK = Framework(
    "ms-swift",
    "ms-swift",
    "4.6.0",
    "ms_swift",
    frozenset({"sft", "cpt", "dpo", "kto", "orpo", "simpo", "grpo"}),
    KEYS,
    shape,
    frozenset({"precision", "quantization", "target_modules", "beta", "num_generations"}),
)
