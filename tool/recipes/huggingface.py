"""Keys that many frameworks share because they wrap the Hugging Face Trainer and PEFT."""

from __future__ import annotations

from tool.recipes.draft import Draft
from tool.recipes.native import Native
from tool.recipes.vocabulary import optimizer, precision, scheduler

GPU_COUNT = (
    "torchrun.nproc_per_node",
    "env.NPROC_PER_NODE",
    "env.nproc_per_node",
    "accelerate.num_processes",
    "accelerate_config.num_processes",
)


def trainer_fields(native: Native, draft: Draft, *prefixes: str) -> Draft:
    """Fill in what `TrainingArguments` and TRL's configs call by the same names, looked up under each prefix."""

    def keys(*names: str) -> tuple[str, ...]:
        return tuple(f"{prefix}{name}" for prefix in prefixes or ("",) for name in names)

    draft.learning_rate = native.number(*keys("learning_rate"))
    draft.micro_batch = native.integer(*keys("per_device_train_batch_size"))
    draft.accumulation = native.integer(*keys("gradient_accumulation_steps"))
    draft.epochs = native.number(*keys("num_train_epochs"))
    draft.max_steps = native.integer(*keys("max_steps"))
    draft.scheduler = scheduler(native.text(*keys("lr_scheduler_type")))
    draft.warmup_ratio = native.number(*keys("warmup_ratio"))
    draft.warmup_steps = native.number(*keys("warmup_steps"))
    draft.weight_decay = native.number(*keys("weight_decay"))
    draft.max_grad_norm = native.number(*keys("max_grad_norm"))
    draft.optim = optimizer(native.text(*keys("optim")))
    draft.max_length = native.integer(*keys("max_length", "max_seq_length", "model_max_length"))
    draft.gradient_checkpointing = native.flag(*keys("gradient_checkpointing"))
    draft.packing = native.flag(*keys("packing"))
    draft.seed = native.integer(*keys("seed"))
    draft.beta = native.number(*keys("beta"))
    draft.num_generations = native.integer(*keys("num_generations"))
    draft.precision = mixed_precision(native, *(prefixes or ("",)))
    return draft


def mixed_precision(native: Native, *prefixes: str) -> str | None:
    """From the flags bf16 and fp16, else from the data type of the weights."""
    for prefix in prefixes:
        for name in ("bf16", "fp16"):
            value = native.raw(f"{prefix}{name}")
            if value is not None and str(value).strip().lower() in ("true", "1", "yes", "full"):
                return name
    words = ("torch_dtype", "dtype", "torch_dtype_str")
    return precision(native.text(*(f"{prefix}{word}" for prefix in prefixes for word in words)))


def lora_fields(native: Native, draft: Draft, *prefixes: str) -> Draft:
    """Fill in what PEFT's LoraConfig calls r, lora_alpha, lora_dropout and target_modules."""

    def keys(*names: str) -> tuple[str, ...]:
        return tuple(f"{prefix}{name}" for prefix in prefixes or ("",) for name in names)

    draft.lora_r = native.integer(*keys("r", "lora_r", "lora_rank"))
    draft.lora_alpha = native.number(*keys("lora_alpha"))
    draft.lora_dropout = native.number(*keys("lora_dropout", "lora_dropout_p"))
    draft.use_rslora = native.flag(*keys("use_rslora"))
    draft.target_modules = targets(native, *keys("target_modules", "lora_target_modules"))
    return draft


def targets(native: Native, *keys: str) -> str | tuple[str, ...] | None:
    """Target modules: `all-linear`, one regular expression, or a sorted list of module names."""
    value = native.raw(*keys)
    if isinstance(value, str) and any(mark in value for mark in "\\()^|"):
        return value
    names = native.texts(*keys)
    if any(name.lower() in ("all-linear", "all", "all_linear") for name in names):
        return "all-linear"
    return tuple(sorted(set(names))) or None


def world_size(native: Native) -> int | None:
    """Processes that the launcher starts over all nodes; None where it does not say."""
    per_node = next((count for count in (launched(native, key) for key in GPU_COUNT) if count), None)
    if per_node is None:
        return None
    nodes = launched(native, "torchrun.nnodes") or launched(native, "env.NNODES") or 1
    return per_node if native.has("accelerate.num_processes") else per_node * nodes


def launched(native: Native, key: str) -> int | None:
    """A count on the command line that may be a variable; None where it is no plain number."""
    text = native.text(key)
    return int(text) if text and text.isdigit() and int(text) > 0 else None
