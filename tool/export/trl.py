"""TRL's command line (`trl sft --config FILE`): keys of its configs, ModelConfig and ScriptArguments, TRL 1.16."""

from __future__ import annotations

from tool.export.engine import DTYPES, Framework, Key, Native, Plan, sixteen_bit

# TRL 1.16 has no `warmup_ratio`: `warmup_steps` below 1 is a share of all steps.
KEYS = (
    Key("learning_rate", "learning_rate"),
    Key("per_device_train_batch_size", "per_device_train_batch_size", "sequences"),
    Key("gradient_accumulation_steps", "gradient_accumulation_steps"),
    Key("num_train_epochs", "num_train_epochs", "epochs"),
    Key("max_steps", "max_steps", "steps"),
    Key("lr_scheduler_type", "lr_scheduler_type"),
    Key("warmup_ratio", "warmup_steps", "share of all steps"),
    Key("weight_decay", "weight_decay"),
    Key("max_grad_norm", "max_grad_norm"),
    Key("optim", "optim"),
    Key("gradient_checkpointing", "gradient_checkpointing"),
    Key("attn_implementation", "attn_implementation"),
    Key("seed", "seed"),
    Key("lora_r", "lora_r"),
    Key("lora_alpha", "lora_alpha", write=int),
    Key("lora_dropout", "lora_dropout"),
    Key("use_rslora", "use_rslora"),
)
_SCRIPTS = {"cpt": "sft", "simpo": "cpo"}
_EXPERIMENTAL = ("orpo", "simpo")


def shape(plan: Plan, native: Native) -> None:
    config, values = native.config, plan.values
    config |= {"model_name_or_path": plan.model, "dataset_name": plan.dataset}
    script = _SCRIPTS.get(plan.objective, plan.objective)
    native.command = f"trl {script}"
    if plan.objective in _EXPERIMENTAL:
        native.command = f"examples/scripts/{script}.py"
    native.launch = {"accelerate.num_processes": plan.gpus}
    sixteen_bit(plan, native, "dtype", DTYPES)
    _adapter(plan, native)
    if plan.objective in ("sft", "cpt"):
        config["packing"] = bool(values.get("packing", False))
    elif values.get("packing"):
        native.lost["packing"] = f"TRL packs for supervised fine-tuning only, not for {plan.objective}"
    else:
        native.implied.add("packing")
    if plan.objective == "cpt":
        native.lost["objective"] = "for TRL this is supervised fine-tuning on a column `text`: give a data set of texts"
    if plan.objective == "simpo":
        config |= {"loss_type": "simpo", "cpo_alpha": 0.0}
    if "beta" in values and plan.objective not in ("sft", "cpt"):
        config["beta"] = values["beta"]
    if plan.objective == "grpo":
        _group(plan, native)
    else:
        config["max_length"] = values["max_length"]


def _group(plan: Plan, native: Native) -> None:
    length = int(plan.values["max_length"])
    native.config["num_generations"] = plan.values.get("num_generations", 8)
    native.config["max_completion_length"] = length // 2
    native.lost["max_length"] = (
        f"TRL bounds the answer alone: half of {length} tokens; keep prompts within the other half"
    )


def _adapter(plan: Plan, native: Native) -> None:
    config = native.config
    config["use_peft"] = plan.adapter != "full"
    if plan.adapter == "full":
        return
    targets = plan.values.get("target_modules", "all-linear")
    config["lora_target_modules"] = [targets] if isinstance(targets, str) else list(targets)
    config["use_dora"] = plan.adapter == "dora"
    if plan.quantization in ("nf4", "nf4-dq"):
        config |= {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}
        config["use_bnb_nested_quant"] = plan.quantization == "nf4-dq"
    elif plan.quantization == "int8":
        config["load_in_8bit"] = True


FRAMEWORK = Framework(
    "trl",
    "TRL",
    "1.16.0",
    "trl",
    frozenset({"sft", "cpt", "dpo", "kto", "orpo", "simpo", "grpo"}),
    KEYS,
    shape,
    frozenset({"max_length", "packing", "precision", "quantization", "target_modules", "beta", "num_generations"}),
)
