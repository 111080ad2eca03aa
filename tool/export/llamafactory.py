"""LLaMA-Factory's YAML (`llamafactory-cli train FILE`), keys of 0.9.5."""

from __future__ import annotations

from typing import Any

from tool.export.engine import Data, Framework, Key, Native, Plan, visible

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
_COLUMNS = {"prompt_answer": ("prompt", "answer"), "document_summary": ("document", "summary")}
_STAGES = {"sft": "sft", "cpt": "pt", "dpo": "dpo", "orpo": "dpo", "simpo": "dpo", "kto": "kto"}


def shape(plan: Plan, native: Native) -> None:
    config = native.config
    config["model_name_or_path"] = plan.model
    _data(plan, native)
    config |= {"stage": _STAGES[plan.objective], "do_train": True, "output_dir": "outputs"}
    config["finetuning_type"] = "full" if plan.adapter == "full" else "lora"
    pure = plan.adapter == "full" and plan.precision == "bf16"  # without it the trained weights are widened to fp32
    config["bf16"], config["fp16"] = plan.precision == "bf16" and not pure, plan.precision == "fp16"
    if pure:
        config["pure_bf16"] = True
    native.command = "llamafactory-cli train"
    native.start = f"{visible(plan.gpus)} llamafactory-cli train FILE".strip()
    if plan.sharding in ("fsdp", "zero2"):
        native.lost["sharding"] = f"sized for {plan.sharding}: start it with an accelerate configuration that shards"
    native.launch = {"num_gpus": plan.gpus}
    if plan.precision == "fp32":
        native.implied.add("precision")
    if plan.objective in ("dpo", "orpo", "simpo"):
        config["pref_loss"] = {"dpo": "sigmoid"}.get(plan.objective, plan.objective)
    if plan.objective in ("dpo", "orpo", "simpo", "kto") and "beta" in plan.values:
        config["pref_beta"] = plan.values["beta"]
    if plan.adapter != "full":
        _adapter(plan, native)


def _data(plan: Plan, native: Native) -> None:
    """Rows in Alpaca's columns are read straight from the hub; others are described as in a dataset_info.json."""
    data, config = plan.data, native.config
    alpaca = {"instruction": "instruction", "input": "input", "output": "output"}
    if data.format == "instruction" and dict(data.columns) == alpaca and data.split == "train" and not data.config:
        config |= {"dataset": data.name, "dataset_dir": "ONLINE"}
        return
    entry = {"hf_hub_url": data.name, "split": data.split, **_entry(data, plan.objective)}
    if data.config:
        entry["subset"] = data.config
    config |= {"dataset": "rows", **{f"dataset_dir.rows.{key}": value for key, value in entry.items()}}
    if plan.objective == "kto":
        native.lost["data"] = "LLaMA-Factory's KTO reads columns messages and label (true or false): split pairs first"
    elif data.format == "preference":
        native.lost["data"] = "LLaMA-Factory reads prompt (messages), chosen and rejected (one message each)"


def _entry(data: Data, objective: str) -> dict[str, Any]:
    """One entry of LLaMA-Factory's dataset_info.json, by dotted keys."""
    openai = {"tags.role_tag": "role", "tags.content_tag": "content", "tags.user_tag": "user"}
    openai |= {"tags.assistant_tag": "assistant", "tags.system_tag": "system"}
    if objective == "kto":
        return {"formatting": "sharegpt", "columns.messages": "messages", "columns.kto_tag": "label", **openai}
    if data.format == "preference":
        pair = {"columns.chosen": data.column("chosen"), "columns.rejected": data.column("rejected")}
        return {"formatting": "sharegpt", "ranking": True, "columns.messages": "prompt", **pair, **openai}
    if data.format == "messages":
        return {"formatting": "sharegpt", "columns.messages": data.column("messages"), **openai}
    if data.format == "text":
        return {"columns.prompt": data.column("text")}
    question, answer = _COLUMNS.get(data.format, ("instruction", "output"))
    query = {"columns.query": data.column("input")} if "input" in data.columns else {}
    return {"columns.prompt": data.column(question), "columns.response": data.column(answer), **query}


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
