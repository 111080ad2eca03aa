"""XTuner: flattened mmengine configs. LoRA and quantisation are components; warm-up is a share of the epochs."""

from __future__ import annotations

import re

from tool.recipes.draft import Draft, Row
from tool.recipes.huggingface import lora_fields, trainer_fields
from tool.recipes.native import Native
from tool.recipes.vocabulary import last_part, optimizer, precision

SCHEMA = "xtuner"
MARKS = (
    ("accumulative_counts", "optim_type"),
    ("model.llm.pretrained_model_name_or_path", "optim_wrapper.optimizer.lr"),
    ("pretrained_model_name_or_path", "accumulative_counts", "max_length"),
)
_OBJECTIVES = {"dpo": "dpo", "orpo": "orpo", "rewardmodel": "reward"}


def read(native: Native, row: Row) -> Draft:
    draft = trainer_fields(native, Draft(), "training_args.")
    lora_fields(native, draft, "model.lora.", "model.llm_lora.", "lora.")
    draft.model = native.text(
        "pretrained_model_name_or_path",
        "model.llm.pretrained_model_name_or_path",
        "llm_name_or_path",
        "model.model_path",
    )
    draft.datasets = _datasets(native)
    draft.objective = _objective(native, row)
    if not native.has("training_args.learning_rate"):
        _engine_fields(native, draft)
    draft.packing = native.flag("pack_to_max_length", "train_dataset.pack_to_max_length")
    draft.max_length = native.integer("max_length", "train_dataset.max_length")
    draft.beta = native.number("loss_beta", "model.beta")
    draft.modality = _modality(native)
    _ranks(native, row, draft)
    draft.adapter = _adapter(native, draft)
    draft.hints = tuple(str(value) for key, value in native.under("train_dataset.") if key.endswith("map_fn"))
    return draft


def _engine_fields(native: Native, draft: Draft) -> None:
    """What mmengine's runner is told; the few configs for the Hugging Face Trainer have `training_args` instead."""
    draft.learning_rate = native.number("lr", "optim_wrapper.optimizer.lr")
    draft.micro_batch = native.integer("train_dataloader.batch_size", "batch_size")
    draft.accumulation = native.integer("accumulative_counts", "optim_wrapper.accumulative_counts")
    draft.epochs = native.number("max_epochs", "train_cfg.max_epochs")
    draft.max_steps = native.integer("max_iters", "train_cfg.max_iters")
    draft.scheduler = _scheduler(native)
    draft.warmup_ratio = native.number("warmup_ratio")
    draft.weight_decay = native.number("weight_decay", "optim_wrapper.optimizer.weight_decay")
    draft.max_grad_norm = native.number("max_norm", "optim_wrapper.clip_grad.max_norm")
    draft.optim = optimizer(native.text("optim_type", "optim_wrapper.optimizer.type"))
    draft.precision = precision(native.text("optim_wrapper.dtype", "model.llm.torch_dtype"))


def _ranks(native: Native, row: Row, draft: Draft) -> None:
    """The number of cards stands in the file's name alone (`…_gpu8.py`, `…_2gpus.py`)."""
    named = re.search(r"_gpu(\d+)|(\d+)gpus?(?![a-z])", row.path.rsplit("/", 1)[-1])
    if named:
        draft.gpus = int(named.group(1) or named.group(2))
        draft.data_parallel = max(1, draft.gpus // (native.integer("sequence_parallel_size") or 1))


def _adapter(native: Native, draft: Draft) -> str:
    for part in ("model.llm.", "model."):
        if native.flag(f"{part}quantization_config.load_in_4bit") or native.flag(f"{part}quantization_llm"):
            double = native.flag(f"{part}quantization_config.bnb_4bit_use_double_quant")
            draft.base_quantization = "nf4-dq" if double else "nf4"
        elif native.flag(f"{part}quantization_config.load_in_8bit", f"{part}load_in_8bit"):
            draft.base_quantization = "int8"
    has_lora = native.has("model.lora.type", "model.llm_lora.type", "lora.type")
    if native.flag("model.freeze_llm") and not has_lora and draft.modality == "text":
        return "frozen"
    return "lora" if has_lora else "full"


def _objective(native: Native, row: Row) -> str:
    kind = last_part(native.text("model.type") or "").lower()
    if kind in _OBJECTIVES:
        return _OBJECTIVES[kind]
    if native.text("model.reward_token_id", "reward_token_id"):
        return "reward"
    maps = [str(value) for key, value in native.config.items() if key.endswith("dataset_map_fn")]
    if maps and all("pretrain_map_fn" in name for name in maps):
        return "cpt"
    if not maps and not native.texts("prompt_template", "train_dataset.template_map_fn.template"):
        return "cpt" if "pretrain" in row.path.lower() else "sft"
    return "sft"


def _scheduler(native: Native) -> str | None:
    kinds = [str(value) for key, value in native.under("param_scheduler") if key.endswith("type")]
    if any("Cosine" in kind for kind in kinds):
        return "cosine"
    return "constant" if any("Constant" in kind for kind in kinds) else ("linear" if kinds else None)


def _datasets(native: Native) -> tuple[str, ...]:
    found = [value for key, value in native.under("train_dataset.") if key.endswith("dataset.path")]
    files = [value for key, value in native.under("train_dataset.") if "data_files" in key]
    paths = [native.text("data_path", "dataset_name_or_path"), native.text("alpaca_en_path"), native.text("data_files")]
    named = [str(name) for name in found if str(name).lower() not in ("json", "none")]
    return tuple(dict.fromkeys(named or [str(item) for item in [*paths, *files] if item]))


def _modality(native: Native) -> str:
    kind = (native.text("model.type") or "").lower()
    visual = native.has("model.visual_encoder.type", "model.visual_encoder.pretrained_model_name_or_path")
    return "vision" if visual or "llava" in kind or "internvl" in kind or "vision" in kind else "text"
