"""ms-swift v2, v3, v4 and its Megatron path: keys changed with every version; adapter defaults differ (LoRA, full)."""

from __future__ import annotations

from tool.recipes.draft import Draft, Row
from tool.recipes.huggingface import targets, world_size
from tool.recipes.native import Native
from tool.recipes.vocabulary import optimizer, precision, scheduler

SCHEMA = "ms_swift"
MARKS = (
    ("sft_type", "model_id_or_path"),
    ("sft_type", "model_type"),
    ("tuner_type", "model"),
    ("train_type", "model"),
    ("rlhf_type", "model"),
    ("global_batch_size", "lr_warmup_fraction"),
)
_TASKS = ("seq_cls", "embedding", "reranker", "generative_reranker")
_QUANTISED_TUNERS = ("qalora",)


def read(native: Native, row: Row) -> Draft:
    megatron = _is_megatron(native, row)
    draft = Draft(model=native.text("model", "model_id_or_path", "load", "mcore_model", "model_type"))
    draft.datasets = native.texts("dataset", "cached_dataset", "custom_train_dataset_path")
    draft.objective = _objective(native, row)
    draft.learning_rate = native.number("learning_rate", "lr")
    draft.micro_batch = native.integer("per_device_train_batch_size", "micro_batch_size", "batch_size")
    draft.accumulation = native.integer("gradient_accumulation_steps")
    draft.max_length = native.integer("max_length")
    draft.epochs = native.number("num_train_epochs", "max_epochs")
    draft.max_steps = native.integer("max_steps", "train_iters")
    draft.scheduler = scheduler(native.text("lr_scheduler_type", "lr_decay_style"))
    draft.warmup_ratio = native.number("warmup_ratio", "lr_warmup_fraction")
    draft.warmup_steps = native.number("warmup_steps", "lr_warmup_iters")
    draft.weight_decay = native.number("weight_decay")
    draft.max_grad_norm = native.number("max_grad_norm", "clip_grad")
    draft.optim = optimizer(native.text("optim", "optimizer"))
    draft.gradient_checkpointing = native.flag("gradient_checkpointing")
    draft.packing = native.flag("packing")
    draft.seed = native.integer("seed")
    draft.beta = native.number("beta", "rlhf_beta")
    draft.num_generations = native.integer("num_generations")
    draft.precision = _precision(native)
    _ranks(native, draft, megatron)
    _adapter(native, draft, megatron)
    draft.hints = tuple(filter(None, (native.text("template_type"), native.text("template"))))
    if any("$" in part for part in draft.datasets):
        draft.notes.append("dataset is a variable")
    return draft


def _is_megatron(native: Native, row: Row) -> bool:
    return (
        (row.command or "").startswith("megatron")
        or row.variant == "megatron"
        or native.has("train.tensor_model_parallel_size")
    )


def _ranks(native: Native, draft: Draft, megatron: bool) -> None:
    """Without a launcher several visible cards hold one model together: one data-parallel rank."""
    visible = native.text("env.CUDA_VISIBLE_DEVICES", "env.ASCEND_RT_VISIBLE_DEVICES")
    cards = len([part for part in visible.split(",") if part.strip()]) if visible and "$" not in visible else None
    world = world_size(native)
    draft.gpus = max(filter(None, (cards, world)), default=None)
    if megatron or native.has("global_batch_size"):
        draft.global_batch = native.integer("global_batch_size")
        draft.gpus = world or cards or native.integer("train.gpus")
    else:
        draft.data_parallel = world or 1


def _adapter(native: Native, draft: Draft, megatron: bool) -> None:
    default = "full" if megatron and not native.has("train.tuner_type") else "lora"
    tuner = native.text("tuner_type", "train_type", "sft_type", "train.tuner_type") or default
    tuner = {"lora_llm": "lora", "qlora": "lora"}.get(tuner.lower(), tuner.lower())
    bits = native.integer("quantization_bit", "quant_bits")
    if bits:
        draft.base_quantization = {4: "nf4", 8: "int8"}.get(bits, "4bit")  # 2 and 3 bits train like 4
        if bits == 4 and native.flag("bnb_4bit_use_double_quant"):
            draft.base_quantization = "nf4-dq"
        if (native.text("quant_method") or "bnb") != "bnb":
            draft.base_quantization = "int8" if bits == 8 else "4bit"
    if tuner in _QUANTISED_TUNERS:
        tuner = "lora"
    draft.adapter = "dora" if tuner == "lora" and native.flag("use_dora") else tuner
    if tuner != "full":
        draft.lora_r = native.integer("lora_rank", "train.lora_rank")
        draft.lora_alpha = native.number("lora_alpha", "train.lora_alpha")
        draft.lora_dropout = native.number("lora_dropout", "lora_dropout_p")
        draft.use_rslora = native.flag("use_rslora")
        named = targets(native, "target_modules", "lora_target_modules", "train.target_modules")
        if isinstance(named, tuple) and len(named) == 1:
            draft.target_modules = "all-linear" if named[0].lower() == "all" else named
            if named[0].lower() == "default":
                draft.target_modules = None
        else:
            draft.target_modules = named


def _objective(native: Native, row: Row) -> str:
    task = native.text("task_type")
    if task in _TASKS:
        return "classification head" if task == "seq_cls" else task
    kind = native.text("rlhf_type")
    command = (row.command or "").split()[-1:]
    if kind:
        return {"gkd": "distillation", "rm": "reward"}.get(kind, kind)
    if command and command[0] in ("dpo", "orpo", "kto", "simpo"):
        return command[0]
    if command == ["pt"] or native.text("train_stage") == "pt":
        return "cpt"
    return "sft"


def _precision(native: Native) -> str | None:
    for name in ("bf16", "fp16"):
        if native.flag(name):
            return name
    return precision(native.text("torch_dtype", "dtype"))
