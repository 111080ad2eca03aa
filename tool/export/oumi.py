"""Oumi's YAML (`oumi train -c FILE`), keys of 0.9."""

from __future__ import annotations

from tool.export.engine import DTYPES, Framework, Key, Native, Plan, group

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
_COLUMNS = {
    "instruction": ("instruction", "output"),
    "prompt_answer": ("prompt", "answer"),
    "document_summary": ("document", "summary"),
}
_KNOWN = {
    "sft": ("yahma/alpaca-cleaned", "tatsu-lab/alpaca"),
    "cpt": ("HuggingFaceFW/fineweb-edu",),
    "kto": ("trl-lib/kto-mix-14k",),
    "grpo": ("openai/gsm8k",),
}
"""Objective → data sets that Oumi 0.9 has a class for, among those that tasks name."""


def shape(plan: Plan, native: Native) -> None:
    config, values = native.config, plan.values
    config |= {"model.model_name": plan.model, "training.trainer_type": _TRAINERS[plan.objective]}
    config["training.output_dir"] = "outputs"
    native.command = "oumi train"
    several = f"oumi distributed torchrun --nproc_per_node {plan.gpus} -m oumi train -c FILE"
    native.start = "oumi train -c FILE" if plan.gpus == 1 else several
    _precision(plan, native)
    _data(plan, native)
    epochs = values.get("num_train_epochs")
    if epochs is not None and epochs != max(1, round(epochs)):
        native.lost["num_train_epochs"] = f"Oumi counts whole epochs (ours: {epochs:g})"
    if plan.objective == "cpt":
        native.lost["objective"] = "for Oumi this is supervised fine-tuning on a column of texts"
    if plan.objective in ("dpo", "kto", "grpo") and "beta" in values:
        config["training.trainer_kwargs.beta"] = values["beta"]
    if plan.objective == "grpo":
        group(plan, native, "training.grpo.")
        config["training.reward_functions"] = ["gsm8k"]
        native.lost["reward"] = "gsm8k reads the number after ####: name a reward of your own for other answers"
    _adapter(plan, native)
    if plan.sharding in ("fsdp", "zero2"):
        strategy = {"fsdp": "FULL_SHARD", "zero2": "SHARD_GRAD_OP"}[plan.sharding]
        config |= {"fsdp.enable_fsdp": True, "fsdp.sharding_strategy": strategy}
        config["fsdp.auto_wrap_policy"] = "TRANSFORMER_BASED_WRAP"


def _precision(plan: Plan, native: Native) -> None:
    """Oumi takes mixed precision for weights that are loaded in fp32 only; in bf16 it trains them as they are."""
    fp16 = plan.precision == "fp16"
    native.config["model.torch_dtype_str"] = "float32" if fp16 else DTYPES[plan.precision]
    native.config["training.mixed_precision_dtype"] = "FP16" if fp16 else "NONE"
    if fp16:
        native.lost["precision"] = "Oumi computes in fp16 with weights loaded in fp32, which needs more memory"


def _data(plan: Plan, native: Native) -> None:
    """One of Oumi's data set classes: those for columns of any name where rows are such, else one by the set's name."""
    data, place = plan.data, "data.train.datasets.0"
    native.config |= {f"{place}.dataset_name": data.name, f"{place}.split": data.split}
    if data.config:
        native.config[f"{place}.subset"] = data.config
    pair, known = _COLUMNS.get(data.format), _KNOWN.get(plan.objective, ())
    if plan.objective == "sft" and data.format == "messages":
        native.config[f"{place}.dataset_name"] = "HuggingFaceDataset"
        kwargs = {"hf_dataset_path": data.name, "messages_column": data.column("messages")}
        native.config |= {f"{place}.dataset_kwargs.{name}": value for name, value in kwargs.items()}
    elif plan.objective == "sft" and pair and data.name not in known:
        native.config[f"{place}.dataset_name"] = "PromptResponseDataset"
        question, answer = data.column(pair[0]), data.column(pair[1])
        kwargs = {"hf_dataset_path": data.name, "prompt_column": question, "response_column": answer}
        native.config |= {f"{place}.dataset_kwargs.{name}": value for name, value in kwargs.items()}
    elif data.name not in known:
        native.lost["data"] = f"Oumi has no class for {data.name}: register one, or name one of those that it brings"


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
        config |= {"peft.bnb_4bit_quant_type": "nf4", "peft.bnb_4bit_compute_dtype": DTYPES[plan.precision]}
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
