"""TRL's command line (`trl sft --config FILE`): keys of its configs, ModelConfig and ScriptArguments, TRL 1.16."""

from __future__ import annotations

from tool.export.engine import DTYPES, PACKED, Framework, Key, Native, Plan, group, sixteen_bit

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
_ACCELERATE = {"fsdp": "fsdp2", "zero2": "zero2"}
"""Sharding → one of the configurations that TRL brings for accelerate (zero2 needs DeepSpeed)."""
_PAIRS: dict[str, tuple[str, ...]] = {"preference": ("chosen", "rejected")}
_COLUMNS: dict[str, dict[str, tuple[str, ...]]] = {
    "sft": {"messages": ("messages",), "text": ("text",), "prompt_completion": ("prompt", "completion")},
    "cpt": {"text": ("text",)},
    "grpo": {"prompt_solution": ("prompt", "solution")},
    **dict.fromkeys(("dpo", "orpo", "simpo", "kto"), _PAIRS),
}
"""Objective → data format → the columns that TRL's trainers look for (its documentation, "Dataset formats")."""


def shape(plan: Plan, native: Native) -> None:
    config, values = native.config, plan.values
    config |= {"model_name_or_path": plan.model, "output_dir": "outputs"}
    _command(plan, native)
    _data(plan, native)
    sixteen_bit(plan, native, "dtype", DTYPES)
    _adapter(plan, native)
    if plan.objective in PACKED:
        config["packing"] = bool(values.get("packing", False))
    if plan.objective == "cpt":
        native.lost["objective"] = "for TRL this is supervised fine-tuning on a column `text`: give a data set of texts"
    if plan.objective == "simpo":
        config |= {"loss_type": "simpo", "cpo_alpha": 0.0}
    if "beta" in values and plan.objective not in ("sft", "cpt"):
        config["beta"] = values["beta"]
    if plan.objective == "grpo":
        group(plan, native)
        config["reward_funcs"] = ["accuracy_reward"]
        native.lost["reward"] = "accuracy_reward compares with a column `solution`: name a reward of your own"
    else:
        config["max_length"] = values["max_length"]


def _command(plan: Plan, native: Native) -> None:
    """`trl SCRIPT --config FILE`; what has no command is started by TRL's example script of the same parser."""
    script = _SCRIPTS.get(plan.objective, plan.objective)
    launcher = _ACCELERATE.get(plan.sharding, "multi_gpu")
    native.launch = {"accelerate.num_processes": plan.gpus}
    several = f" --num_processes {plan.gpus}" if plan.gpus > 1 else ""
    native.command = f"trl {script}"
    native.start = f"trl {script} --config FILE" + (f" --accelerate_config {launcher}{several}" if several else "")
    if plan.objective in _EXPERIMENTAL:
        native.command = f"examples/scripts/{script}.py"
        native.start = f"accelerate launch{several} {native.command} --config FILE"


def _data(plan: Plan, native: Native) -> None:
    """TRL's scripts read the rows as they are: it is their columns that tell what they are."""
    data = plan.data
    native.config |= {"dataset_name": data.name, "dataset_train_split": data.split}
    if data.config:
        native.config["dataset_config"] = data.config
    wanted = _COLUMNS[plan.objective]
    if data.format not in wanted or any(data.column(role) != role for role in wanted[data.format]):
        known = " or ".join(", ".join(roles) for roles in wanted.values())
        native.lost["data"] = f"TRL reads columns {known}, not {data.described}: rename them, or take trl-script"


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
