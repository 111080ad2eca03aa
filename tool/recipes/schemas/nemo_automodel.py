"""NeMo Automodel: the batch is global, accumulation is implied; LoRA is a `peft` section."""

from __future__ import annotations

from tool.recipes.draft import Draft, Row
from tool.recipes.huggingface import targets
from tool.recipes.native import Native
from tool.recipes.vocabulary import last_part, optimizer, precision, scheduler

SCHEMA = "nemo_automodel"
MARKS = (
    ("step_scheduler.global_batch_size", "optimizer._target_"),
    ("step_scheduler", "optimizer._target_", "model._target_"),
)
_SPEECH = ("asr", "audio", "cv17", "speech")


def read(native: Native, row: Row) -> Draft:
    draft = Draft(
        model=native.text("model.pretrained_model_name_or_path", "model.config.pretrained_model_name_or_path")
    )
    draft.datasets = _datasets(native)
    draft.hints = (last_part(native.text("dataset._target_") or ""),)
    draft.learning_rate = native.number("optimizer.lr")
    draft.micro_batch = native.integer("step_scheduler.local_batch_size")
    draft.global_batch = native.integer("step_scheduler.global_batch_size")
    draft.epochs = native.number("step_scheduler.num_epochs")
    draft.max_steps = native.integer("step_scheduler.max_steps")
    draft.scheduler = scheduler(native.text("lr_scheduler.lr_decay_style"))
    draft.warmup_steps = native.number("lr_scheduler.lr_warmup_steps")
    draft.weight_decay = native.number("optimizer.weight_decay")
    draft.max_grad_norm = native.number("clip_grad_norm.max_norm", "max_grad_norm")
    draft.optim = optimizer(native.text("optimizer._target_"))
    checkpointing = native.text("distributed.activation_checkpointing")
    draft.gradient_checkpointing = None if checkpointing is None else checkpointing.lower() != "false"
    draft.precision = precision(native.text("model.torch_dtype"))
    draft.seed = native.integer("rng.seed", "seed")
    _length(native, draft)
    _adapter(native, draft)
    _scope(native, row, draft)
    return draft


def _length(native: Native, draft: Draft) -> None:
    """A `packed_sequence_size` of 0 means that nothing is packed."""
    packed = native.integer("packed_sequence.packed_sequence_size", "packed_sequence.pack_size")
    draft.packing = None if packed is None else packed > 0
    draft.max_length = packed or native.integer(
        "dataset.seq_length", "dataset.seq_len", "dataset.max_length", "dataloader.collate_fn.max_length"
    )


def _adapter(native: Native, draft: Draft) -> None:
    draft.adapter = "full"
    if native.has("peft._target_", "peft.dim"):
        draft.adapter = "dora" if native.flag("peft.use_dora") else "lora"
        draft.lora_r = native.integer("peft.dim")
        draft.lora_alpha = native.number("peft.alpha")
        draft.lora_dropout = native.number("peft.dropout")
        named = targets(native, "peft.target_modules")
        draft.target_modules = "all-linear" if named in (("*_proj",), ("*",)) or not named else named
        if native.flag("peft.match_all_linear"):
            draft.target_modules = "all-linear"
    if native.flag("quantization.load_in_4bit"):
        draft.base_quantization = "nf4-dq" if native.flag("quantization.bnb_4bit_use_double_quant") else "nf4"
    elif native.flag("quantization.load_in_8bit"):
        draft.base_quantization = "int8"


def _scope(native: Native, row: Row, draft: Draft) -> None:
    recipe = (native.text("recipe") or "").lower()
    builder = (native.text("model._target_") or "").lower()
    dataset = draft.hints[0].lower()
    draft.objective = "sft"
    if "knowledgedistillation" in recipe or native.has("teacher_model._target_"):
        draft.objective = "distillation"
    elif recipe.startswith("diffusion"):
        draft.objective = "diffusion"
    elif "pretrain" in row.path.lower() or "pretraining" in dataset or "nanogpt" in dataset:
        draft.objective = "pretraining" if "pretraining" in dataset else "cpt"
    fresh = "from_config" in builder and native.flag("model.load_base_model") is not True
    if fresh or "build_gpt2" in builder:
        draft.objective = "pretraining"
    if "vlm" in recipe or "imagetexttotext" in builder or "multimodal" in builder:
        draft.modality = "audio" if any(word in dataset for word in _SPEECH) else "vision"


def _datasets(native: Native) -> tuple[str, ...]:
    named = native.texts(
        "dataset.path_or_dataset", "dataset.path_or_dataset_id", "dataset.dataset_name", "dataset.paths"
    )
    if named:
        return named
    builder = native.text("dataset._target_")
    return (last_part(builder),) if builder else ()
