"""torchtune's YAML (`tune run RECIPE --config FILE`), keys and components of 0.6.1."""

from __future__ import annotations

from tool.errors import BadRequest
from tool.export.engine import Framework, Key, Native, Plan, counted_warmup

KEYS = (
    Key("max_length", "tokenizer.max_seq_len", "tokens"),
    Key("packing", "dataset.packed"),
    Key("learning_rate", "optimizer.lr"),
    Key("weight_decay", "optimizer.weight_decay"),
    Key("per_device_train_batch_size", "batch_size", "sequences"),
    Key("gradient_accumulation_steps", "gradient_accumulation_steps"),
    Key("num_train_epochs", "epochs", "whole epochs", lambda value: max(1, round(value))),
    Key("max_grad_norm", "clip_grad_norm"),
    Key("gradient_checkpointing", "enable_activation_checkpointing"),
    Key("seed", "seed"),
)
# Last part of the model's name: (package, builder, checkpoint shards, tokenizer, checkpoint type); torchtune 0.6.1.
_LLAMA = ("llama3.llama3_tokenizer", "LLAMA3")
_QWEN = ("qwen2_5.qwen2_5_tokenizer", "QWEN2")
_MODELS: dict[str, tuple[str, str, int, tuple[str, str]]] = {
    "llama-3.1-8b": ("llama3_1", "llama3_1_8b", 4, _LLAMA),
    "llama-3.1-70b": ("llama3_1", "llama3_1_70b", 30, _LLAMA),
    "llama-3.3-70b": ("llama3_1", "llama3_1_70b", 30, _LLAMA),
    "llama-3.2-1b": ("llama3_2", "llama3_2_1b", 1, _LLAMA),
    "llama-3.2-3b": ("llama3_2", "llama3_2_3b", 2, _LLAMA),
    "qwen2.5-0.5b": ("qwen2_5", "qwen2_5_0_5b", 1, _QWEN),
    "qwen2.5-1.5b": ("qwen2_5", "qwen2_5_1_5b", 1, _QWEN),
    "qwen2.5-3b": ("qwen2_5", "qwen2_5_3b", 2, _QWEN),
    "qwen2.5-7b": ("qwen2_5", "qwen2_5_7b", 4, _QWEN),
    "qwen2.5-14b": ("qwen2_5", "qwen2_5_14b", 8, _QWEN),
    "qwen2.5-32b": ("qwen2_5", "qwen2_5_32b", 17, _QWEN),
    "qwen2.5-72b": ("qwen2_5", "qwen2_5_72b", 37, _QWEN),
}
_WITH_BASE = ("1_5b", "7b", "14b", "32b", "72b")
_OPTIMIZERS = {
    "adamw_torch": "torch.optim.AdamW",
    "adamw_torch_fused": "torch.optim.AdamW",
    "adamw_bnb_8bit": "bitsandbytes.optim.AdamW8bit",
    "adamw_8bit": "bitsandbytes.optim.AdamW8bit",
    "paged_adamw_8bit": "bitsandbytes.optim.PagedAdamW8bit",
    "paged_adamw_32bit": "bitsandbytes.optim.PagedAdamW",
    "sgd": "torch.optim.SGD",
}
_DATASETS = {
    "sft": "torchtune.datasets.chat_dataset",
    "cpt": "torchtune.datasets.text_completion_dataset",
    "dpo": "torchtune.datasets.preference_dataset",
}
_COLUMNS = {"prompt_answer": ("prompt", "answer"), "document_summary": ("document", "summary")}
_ATTENTION = {"q_proj": "q_proj", "k_proj": "k_proj", "v_proj": "v_proj", "o_proj": "output_proj"}
_FEED_FORWARD = {"gate_proj", "up_proj", "down_proj"}


def shape(plan: Plan, native: Native) -> None:
    _model(plan, native)
    _recipe(plan, native)
    _data(plan, native)
    _optimizer(plan, native)
    _schedule(plan, native)
    _numbers(plan, native)


def _model(plan: Plan, native: Native) -> None:
    name = plan.model.split("/")[-1]
    instruct = name.lower().endswith("-instruct")
    found = _MODELS.get(name.lower().removesuffix("-instruct"))
    if found is None:
        raise BadRequest("export", f"torchtune 0.6.1 has no builder for {plan.model}", f"known: {', '.join(_MODELS)}")
    package, builder, shards, (tokenizer, kind) = found
    if package == "qwen2_5" and builder.endswith(_WITH_BASE):
        builder += "_instruct" if instruct else "_base"
    folder = f"models/{name}"
    config = native.config
    prefix = "" if plan.adapter == "full" else "lora_"
    config["model._component_"] = f"torchtune.models.{package}.{prefix}{builder}"
    config["tokenizer._component_"] = f"torchtune.models.{tokenizer}"
    if kind == "LLAMA3":
        config["tokenizer.path"] = f"{folder}/original/tokenizer.model"
    else:
        config |= {"tokenizer.path": f"{folder}/vocab.json", "tokenizer.merges_file": f"{folder}/merges.txt"}
    files = [f"model-{index:05d}-of-{shards:05d}.safetensors" for index in range(1, shards + 1)]
    config |= {
        "checkpointer._component_": "torchtune.training.FullModelHFCheckpointer",
        "checkpointer.checkpoint_dir": folder,
        "checkpointer.checkpoint_files": files if shards > 1 else ["model.safetensors"],
        "checkpointer.output_dir": "outputs",
        "checkpointer.model_type": kind,
    }
    if plan.adapter != "full":
        _adapter(plan, native)


def _adapter(plan: Plan, native: Native) -> None:
    values, config = plan.values, native.config
    targets = values.get("target_modules", "all-linear")
    names = {*_ATTENTION, *_FEED_FORWARD} if targets == "all-linear" else set(targets)
    config["model.lora_attn_modules"] = [theirs for ours, theirs in _ATTENTION.items() if ours in names]
    config["model.apply_lora_to_mlp"] = bool(names & _FEED_FORWARD)
    config["model.apply_lora_to_output"] = False
    config |= {"model.lora_rank": values["lora_r"], "model.lora_alpha": values["lora_alpha"]}
    config["model.lora_dropout"] = values.get("lora_dropout", 0.0)
    if plan.adapter == "dora":
        config["model.use_dora"] = True
    if plan.quantization.startswith("nf4"):
        config["model.quantize_base"] = True
    if plan.quantization in ("nf4", "int8"):
        native.lost["quantization"] = (
            f"torchtune quantises to NF4 with double-quantised scales only, not {plan.quantization}"
        )


def _recipe(plan: Plan, native: Native) -> None:
    method = "full" if plan.adapter == "full" else "lora"
    place = "single_device" if plan.gpus == 1 and not (method == "full" and plan.objective == "dpo") else "distributed"
    recipe = f"{method}_dpo_{place}" if plan.objective == "dpo" else f"{method}_finetune_{place}"
    launcher = "" if place == "single_device" else f" --nproc_per_node {plan.gpus}"
    native.command = f"tune run{launcher} {recipe}"
    native.start = f"{native.command} --config FILE"
    native.config |= {"output_dir": "outputs", "device": "cuda", "shuffle": True, "resume_from_checkpoint": False}
    native.config["max_steps_per_epoch"] = None  # read by every recipe, with no default
    if place == "single_device":
        native.config |= {"compile": False, "optimizer_in_bwd": False}
    elif plan.sharding == "zero2" and recipe == "full_finetune_distributed":
        native.config["fsdp_reshard_after_forward"] = False
    if recipe == "full_dpo_distributed":  # the reference is a second copy of the same files
        checkpointer = {key: value for key, value in native.config.items() if key.startswith("checkpointer.")}
        native.config |= {f"ref_{key}": value for key, value in checkpointer.items()}
    if plan.objective == "dpo":
        native.config["loss._component_"] = "torchtune.rlhf.loss.DPOLoss"
        native.config["loss.beta"] = plan.values.get("beta", 0.1)
    else:
        native.config["loss._component_"] = "torchtune.modules.loss.CEWithChunkedOutputLoss"
    native.config["metric_logger._component_"] = "torchtune.training.metric_logging.DiskLogger"
    native.config |= {"metric_logger.log_dir": "outputs/logs", "log_every_n_steps": 1}


def _data(plan: Plan, native: Native) -> None:
    config = native.config
    data = plan.data
    config |= {"dataset._component_": _DATASETS[plan.objective], "dataset.source": data.name}
    config["dataset.split"] = data.split
    if data.config:
        config["dataset.name"] = data.config
    if plan.objective == "sft" and data.format == "messages":
        config |= {"dataset.conversation_column": data.column("messages"), "dataset.conversation_style": "openai"}
    elif plan.objective == "sft":
        question, answer = _COLUMNS.get(data.format, ("instruction", "output"))
        config["dataset._component_"] = "torchtune.datasets.instruct_dataset"
        config |= {"dataset.column_map.input": data.column(question), "dataset.column_map.output": data.column(answer)}
        if "input" in data.columns:
            native.lost["data"] = f"torchtune's instruct_dataset leaves out column {data.column('input')}"
    elif plan.objective == "cpt":
        config["dataset.column"] = data.column("text")
        native.lost["objective"] = "for torchtune this is fine-tuning on a data set of texts"
    else:
        config |= {f"dataset.column_map.{role}": data.column(role) for role in ("chosen", "rejected")}


def _optimizer(plan: Plan, native: Native) -> None:
    ours = str(plan.values.get("optim", "adamw_torch_fused"))
    native.config["optimizer._component_"] = _OPTIMIZERS.get(ours, "torch.optim.AdamW")
    if native.config["optimizer._component_"] == "torch.optim.AdamW":
        native.config["optimizer.fused"] = ours != "adamw_torch"
    if ours not in _OPTIMIZERS:
        native.lost["optim"] = f"torchtune's file names classes; there is none for {ours}, so it says torch.optim.AdamW"


def _schedule(plan: Plan, native: Native) -> None:
    """torchtune has one schedule. Of no cosine cycle at all it is a constant one, which is how that is written here."""
    ours = str(plan.values.get("lr_scheduler_type") or "constant")
    if ours not in ("cosine", "constant", "constant_with_warmup"):
        native.lost["lr_scheduler_type"] = f"torchtune has the cosine and the constant schedule only (ours: {ours})"
    native.config["lr_scheduler._component_"] = "torchtune.training.lr_schedulers.get_cosine_schedule_with_warmup"
    if ours.startswith("constant"):
        native.config["lr_scheduler.num_cycles"] = 0.0
    warmup = counted_warmup(plan, native, "torchtune")
    native.config["lr_scheduler.num_warmup_steps"] = warmup
    if ours == "constant_with_warmup" and not warmup:
        native.implied.add("lr_scheduler_type")  # without a step of warm-up it is the constant schedule


def _numbers(plan: Plan, native: Native) -> None:
    native.config["dtype"] = "bf16" if plan.precision == "bf16" else "fp32"
    if plan.precision == "fp16":
        native.lost["precision"] = "torchtune does not train in fp16: the file says fp32, which needs more memory"
    epochs = plan.values.get("num_train_epochs")
    if epochs is not None and epochs != max(1, round(epochs)):
        native.lost["num_train_epochs"] = f"torchtune counts whole epochs (ours: {epochs:g})"
    native.implied.add("attn_implementation")


FRAMEWORK = Framework(
    "torchtune",
    "torchtune",
    "0.6.1",
    "torchtune",
    frozenset(_DATASETS),
    KEYS,
    shape,
    frozenset(
        {"precision", "quantization", "target_modules", "beta", "optim", "lr_scheduler_type", "warmup_ratio"}
        | {"lora_r", "lora_alpha", "lora_dropout", "attn_implementation"}
    ),
)
