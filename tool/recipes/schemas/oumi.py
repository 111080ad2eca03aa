"""Oumi: sections model, data, training, peft. The trainer's type names the objective."""

from __future__ import annotations

from tool.recipes.draft import Draft, Row
from tool.recipes.huggingface import lora_fields, trainer_fields
from tool.recipes.native import Native
from tool.recipes.vocabulary import optimizer, precision

SCHEMA = "oumi"
MARKS = (("model.model_name", "training.trainer_type"), ("model.model_name", "data.train.datasets", "training"))
_TRAINERS = {"TRL_SFT": "sft", "OUMI": "sft", "HF": "sft", "LEMA": "sft", "TRL_DPO": "dpo", "TRL_KTO": "kto"}
_TRAINERS |= {"TRL_GRPO": "grpo", "VERL_GRPO": "grpo", "TRL_GKD": "distillation", "TRL_GOLD": "distillation"}


def read(native: Native, row: Row) -> Draft:
    draft = trainer_fields(native, Draft(), "training.")
    lora_fields(native, draft, "peft.")
    draft.model = native.text("model.model_name")
    draft.datasets = _datasets(native)
    draft.max_length = native.integer("model.model_max_length", "training.trainer_kwargs.max_seq_length")
    draft.optim = optimizer(native.text("training.optimizer"))
    draft.gradient_checkpointing = native.flag("training.enable_gradient_checkpointing")
    draft.packing = native.flag("data.train.pack")
    draft.precision = precision(native.text("model.torch_dtype_str"))
    draft.beta = native.number("training.grpo.beta", "training.trainer_kwargs.beta")
    draft.num_generations = native.integer("training.grpo.num_generations", "training.trainer_kwargs.num_generations")
    draft.objective = _objective(native, row)
    _adapter(native, draft)
    draft.modality = _modality(native)
    return draft


def _adapter(native: Native, draft: Draft) -> None:
    if native.flag("peft.q_lora"):
        draft.base_quantization = "nf4-dq" if native.flag("peft.use_bnb_nested_quant") else "nf4"
        if native.integer("peft.q_lora_bits") == 8:
            draft.base_quantization = "int8"
    uses = native.flag("training.use_peft")
    draft.adapter = "lora" if uses else "full"
    if not uses:
        draft.lora_r = draft.lora_alpha = draft.lora_dropout = draft.target_modules = None
        draft.base_quantization = "none"


def _objective(native: Native, row: Row) -> str:
    trainer = native.text("training.trainer_type") or "OUMI"
    objective = _TRAINERS.get(trainer, trainer.lower().removeprefix("trl_").removeprefix("verl_"))
    if native.text("training.trainer_kwargs.loss_type") in ("simpo", "orpo"):
        objective = native.text("training.trainer_kwargs.loss_type") or objective
    if objective != "sft":
        return objective
    path = row.path.lower()
    fresh = native.flag("model.load_pretrained_weights") is False
    if fresh or ("pretrain" in path and "continual" not in path and "cpt" not in path):
        return "pretraining"
    column = native.text("data.train.target_col")
    raw_text = any("fineweb" in name.lower() or "pile" in name.lower() for name in _datasets(native))
    return "cpt" if raw_text and column in (None, "text") else "sft"


def _datasets(native: Native) -> tuple[str, ...]:
    names = []
    for key, value in native.under("data.train.datasets."):
        if key.endswith((".dataset_kwargs.hf_dataset_path", ".dataset_path")) or (
            key.endswith(".dataset_name") and value not in ("text_sft", "text_sft_jsonl", "hf_vision", "vl_sft")
        ):
            names.append(str(value))
    return tuple(dict.fromkeys(names))


def _modality(native: Native) -> str:
    collator = (native.text("data.train.collator_name") or "").lower()
    kinds = {str(value).lower() for key, value in native.under("data.train.datasets.") if key.endswith("dataset_name")}
    pictures = any(word in kind for kind in kinds for word in ("vision", "vl_", "vqa", "image", "geometry3k", "llava"))
    kwargs = any(key.endswith("processor_name") for key, _ in native.under("data.train.datasets."))
    return "vision" if "vision" in collator or pictures or kwargs else "text"
