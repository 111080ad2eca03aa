"""Axolotl's YAML, keys of 0.19."""

from __future__ import annotations

import math

from tool.export.engine import Framework, Key, Native, Plan, counted_warmup, group, visible

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
_PAIRS = {"dpo": "chat_template.argilla_chat", "simpo": "chat_template.argilla_chat", "orpo": "chat_template.argilla"}
_COLUMNS = {
    "instruction": ("instruction", "output"),
    "prompt_answer": ("prompt", "answer"),
    "document_summary": ("document", "summary"),
}
"""Data format → our roles for question and answer, which Axolotl calls instruction and output."""


def shape(plan: Plan, native: Native) -> None:
    config = native.config
    config |= {"base_model": plan.model, "output_dir": "outputs"}
    config["bf16"], config["fp16"] = plan.precision == "bf16", plan.precision == "fp16"
    native.command = "axolotl train"
    native.start = f"{visible(plan.gpus)} axolotl train FILE".strip()
    if plan.precision == "fp32":
        native.implied.add("precision")
    _data(plan, native)
    _adapter(plan, native)
    _objective(plan, native)
    _sharding(plan, native)


def _data(plan: Plan, native: Native) -> None:
    data, config = plan.data, native.config
    config |= {"datasets.0.path": data.name, "datasets.0.split": data.split}
    if data.config:
        config["datasets.0.name"] = data.config
    if plan.objective == "cpt":
        config |= {"datasets.0.type": "completion", "datasets.0.field": data.column("text")}
    elif plan.objective == "grpo":
        config["datasets.0.type"] = "rewards.transform"
        native.lost["reward"] = (
            "write rewards.py beside this file, with `transform` and `reward` (Axolotl's GRPO guide)"
        )
    elif plan.objective == "kto":
        config["datasets.0.type"] = "chatml.ultra"
        native.lost["data"] = "Axolotl's KTO reads columns prompt, completion and label: split pairs first"
    elif plan.objective in _PAIRS:
        config |= {"datasets.0.type": _PAIRS[plan.objective], "chat_template": "tokenizer_default"}
    elif data.format == "messages":
        config |= {"datasets.0.type": "chat_template", "datasets.0.field_messages": data.column("messages")}
    else:
        _pairs(plan, native)


def _pairs(plan: Plan, native: Native) -> None:
    """Rows of question and answer: Axolotl writes them by a format of its own, not by the model's chat template."""
    data, config = plan.data, native.config
    question, answer = _COLUMNS.get(data.format, ("instruction", "output"))
    config["datasets.0.type.field_instruction"] = data.column(question)
    config["datasets.0.type.field_output"] = data.column(answer)
    config["datasets.0.type.format"] = "{instruction}\n"
    if "input" in data.columns:
        config["datasets.0.type.field_input"] = data.column("input")
        config["datasets.0.type.format"] = "{instruction}\n{input}\n"
        config["datasets.0.type.no_input_format"] = "{instruction}\n"
    native.lost["data"] = f"columns {data.described} are joined as plain text; rows of messages use the chat template"


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
    if plan.objective == "kto":
        config["remove_unused_columns"] = False  # Axolotl asks for it
    if plan.objective == "simpo":  # whose trainer takes no share
        config.pop("warmup_ratio", None)
        config["warmup_steps"] = counted_warmup(plan, native, "Axolotl's SimPO")
    if plan.objective == "grpo":
        config["trl.beta"] = values.get("beta", 0.0)
        config["trl.reward_funcs"] = ["rewards.reward"]
        group(plan, native, "trl.")
        _whole_groups(plan, native)
    elif "beta" in values:
        config["rl_beta"] = values["beta"]


def _whole_groups(plan: Plan, native: Native) -> None:
    """Axolotl wants a group of answers for every card; where a step has fewer, it generates for several at once."""
    values, answers = plan.values, native.config["trl.num_generations"]
    step = values["per_device_train_batch_size"] * plan.gpus
    batch, piece = step * values["gradient_accumulation_steps"], math.lcm(step, answers)
    wanted = max(batch, answers * plan.gpus)
    native.config["trl.generation_batch_size"] = piece * math.ceil(wanted / piece)
    if native.config["trl.generation_batch_size"] != batch:
        times = native.config["trl.generation_batch_size"] / batch
        native.lost["generation"] = f"for {times:g} steps at once, since Axolotl wants a group of answers for each card"


def _sharding(plan: Plan, native: Native) -> None:
    """FSDP 2, or why Axolotl refuses it here (its own checks name both cases)."""
    if plan.sharding not in ("fsdp", "zero2"):
        return
    if plan.values.get("optim") in ("adamw_8bit", "adamw_bnb_8bit"):
        native.lost["sharding"] = (
            f"sized for {plan.sharding}; Axolotl refuses it with this 8-bit optimizer: use adamw_torch_8bit"
        )
        return
    if plan.quantization != "none" and plan.objective in ("dpo", "kto", "orpo"):
        native.lost["sharding"] = f"sized for {plan.sharding}; Axolotl refuses it for a quantised {plan.objective}"
        return
    native.config |= {
        "fsdp_version": 2,
        "fsdp_config.auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
        "fsdp_config.reshard_after_forward": plan.sharding == "fsdp",
        "fsdp_config.state_dict_type": "FULL_STATE_DICT",
        # else every process reads the whole model into host memory; 4-bit loading on one rank alone is refused
        "fsdp_config.cpu_ram_efficient_loading": plan.quantization == "none",
    }


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
