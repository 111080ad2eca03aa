"""LLaMA-Factory: `stage` × `finetuning_type`; its v1 examples use sections and other names."""

from __future__ import annotations

from tool.recipes.draft import Draft, Row
from tool.recipes.huggingface import lora_fields, trainer_fields
from tool.recipes.native import Native
from tool.recipes.vocabulary import optimizer

SCHEMA = "llamafactory"
MARKS = (
    ("finetuning_type", "stage"),
    ("finetuning_type", "cutoff_len", "model_name_or_path"),
    ("train_dataset", "cutoff_len", "micro_batch_size"),
)
_STAGES = {"sft": "sft", "pt": "cpt", "dpo": "dpo", "kto": "kto", "ppo": "ppo", "rm": "reward"}
_LOSSES = {"orpo": "orpo", "simpo": "simpo"}
_METHODS = ("use_galore", "use_apollo", "use_badam")


def read(native: Native, row: Row) -> Draft:
    draft = trainer_fields(native, Draft(), "")
    lora_fields(native, draft, "", "peft_config.")
    draft.model = native.text("model_name_or_path", "model")
    draft.datasets = native.texts("dataset", "train_dataset")
    draft.objective = _objective(native, row)
    draft.micro_batch = native.integer("per_device_train_batch_size", "micro_batch_size")
    draft.global_batch = native.integer("global_batch_size")
    draft.max_length = native.integer("cutoff_len")
    draft.beta = native.number("pref_beta", "beta")
    draft.gpus = draft.data_parallel = native.integer("num_gpus")
    checkpointing = native.flag("disable_gradient_checkpointing")
    draft.gradient_checkpointing = None if checkpointing is None else not checkpointing
    if native.text("lora_target", "peft_config.target_modules") == "all":
        draft.target_modules = "all-linear"
    elif native.has("lora_target"):
        draft.target_modules = tuple(sorted(native.texts("lora_target")))
    if native.text("optim_config.name"):
        draft.optim = optimizer(native.text("optim_config.name"))
    if native.flag("pure_bf16"):
        draft.precision = "bf16"
    _adapter(native, draft)
    draft.modality = _modality(native, draft)
    draft.hints = native.texts("template")
    return draft


def _adapter(native: Native, draft: Draft) -> None:
    kind = native.text("finetuning_type", "peft_config.name") or ("full" if not native.has("lora_rank") else "lora")
    bits = native.integer("quantization_bit", "quant_config.quantization_bit")
    if bits:
        draft.base_quantization = {4: "nf4", 8: "int8"}.get(bits, "4bit")  # 2 and 3 bits train like 4
        if bits == 4 and native.flag("double_quantization"):
            draft.base_quantization = "nf4-dq"
    adapter = kind.lower()
    draft.adapter = "dora" if adapter == "lora" and native.flag("use_dora") else adapter
    if adapter == "full":
        draft.lora_r = draft.lora_alpha = draft.lora_dropout = draft.target_modules = None
    method = next((name for name in _METHODS if native.flag(name)), None)
    if method:
        draft.notes.append(f"full fine-tuning with {method.removeprefix('use_')}")


def _objective(native: Native, row: Row) -> str:
    loss = (native.text("pref_loss") or "").lower()
    stage = (native.text("stage") or "").lower()
    if stage == "dpo" and loss in _LOSSES:
        return _LOSSES[loss]
    if not stage:
        return "dpo" if "dpo" in f"{row.path} {native.text('train_dataset') or ''}".lower() else "sft"
    return _STAGES.get(stage, stage)


def _modality(native: Native, draft: Draft) -> str:
    media = any(word in name for name in draft.datasets for word in ("mllm", "multimodal", "rlhf_v", "video", "audio"))
    model = (draft.model or "").lower()
    seen = any(word in model for word in ("-vl", "llava", "vision", "omni", "internvl", "glm-4.1v", "4.5v"))
    return "vision" if media or (seen and native.has("image_max_pixels", "freeze_vision_tower")) else "text"
