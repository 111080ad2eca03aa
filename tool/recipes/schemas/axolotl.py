"""Axolotl: flat YAML. Full fine-tuning is an absent `adapter`; `rl` names the objective."""

from __future__ import annotations

import re

from tool.recipes.draft import Draft, Row
from tool.recipes.huggingface import lora_fields, mixed_precision
from tool.recipes.native import Native
from tool.recipes.vocabulary import optimizer, scheduler

SCHEMA = "axolotl"
MARKS = (
    ("base_model", "sequence_len", "micro_batch_size"),
    ("base_model", "micro_batch_size", "num_epochs", "adapter"),
)
_PRETRAINING = ("completion", "pretrain", "pretraining")
_LAYER_RANGE = re.compile(r"\[\d+-\d+\]|\.\d+\.")
_DISTILLATION = ("kd_trainer", "kd_alpha", "kd_ce_alpha")


def read(native: Native, row: Row) -> Draft:
    draft = lora_fields(native, Draft(), "")
    draft.model = native.text("base_model")
    draft.datasets = _datasets(native)
    draft.objective = _objective(native)
    draft.learning_rate = native.number("learning_rate")
    draft.micro_batch = native.integer("micro_batch_size")
    draft.accumulation = native.integer("gradient_accumulation_steps")
    draft.max_length = native.integer("sequence_len")
    draft.epochs = native.number("num_epochs")
    draft.max_steps = native.integer("max_steps")
    draft.scheduler = scheduler(native.text("lr_scheduler"))
    draft.warmup_ratio = native.number("warmup_ratio")
    draft.warmup_steps = native.number("warmup_steps")
    draft.weight_decay = native.number("weight_decay")
    draft.max_grad_norm = native.number("max_grad_norm", "gradient_clipping")
    draft.optim = optimizer(native.text("optimizer"))
    checkpointing = native.text("gradient_checkpointing")
    draft.gradient_checkpointing = None if checkpointing is None else checkpointing.lower() != "false"
    draft.packing = native.flag("sample_packing")
    draft.precision = mixed_precision(native, "")
    draft.seed = native.integer("seed")
    draft.beta = native.number("trl.beta", "dpo_beta", "rl_beta")
    draft.num_generations = native.integer("trl.num_generations")
    if native.flag("lora_target_linear"):
        draft.target_modules = "all-linear"
    draft.use_rslora = native.flag("peft_use_rslora", "use_rslora")
    _adapter(native, draft)
    draft.modality = _modality(native, row)
    draft.hints = tuple(str(value) for key, value in native.under("datasets.") if key.endswith((".type", ".name")))
    return draft


def _adapter(native: Native, draft: Draft) -> None:
    named = native.text("adapter")
    adapter = (named or ("lora" if native.has("hatchery.lora_rank") else "full")).lower()
    if native.flag("load_in_4bit") or native.flag("gptq"):
        draft.base_quantization = "nf4" if native.flag("load_in_4bit") else "4bit"
        if native.flag("bnb_config_kwargs.bnb_4bit_use_double_quant"):
            draft.base_quantization = "nf4-dq"
    elif native.flag("load_in_8bit"):
        draft.base_quantization = "int8"
    if adapter == "full" and native.flag("gptq") and native.has("lora_r"):
        adapter = "lora"  # GPTQ weights cannot be trained but through an adapter
    if adapter == "full" and _is_partial(native):
        adapter = "partial"
    if _is_relora(native):
        adapter = "relora"
    draft.adapter = "dora" if native.flag("peft_use_dora") and adapter in ("lora", "qlora") else adapter


def _is_partial(native: Native) -> bool:
    """LISA, or unfrozen layers picked by number; unfreezing a whole text tower is full fine-tuning of it."""
    unfrozen = " ".join(native.texts("unfrozen_parameters"))
    return native.has("lisa_n_layers") or bool(_LAYER_RANGE.search(unfrozen))


def _is_relora(native: Native) -> bool:
    return native.has("relora_steps", "relora") and native.text("relora") != "False"


def _objective(native: Native) -> str:
    rl = native.text("rl")
    if rl:
        return rl.lower()
    plugins = " ".join(native.texts("plugins")).lower()
    if "diffusion" in plugins:
        return "diffusion"
    if native.text("hatchery.loss_fn") not in (None, "cross_entropy"):
        return native.text("hatchery.loss_fn") or "rl"
    if any(native.has(key) for key in _DISTILLATION):
        return "distillation"
    if native.flag("reward_model", "process_reward_model"):
        return "reward"
    if any(key.startswith("pretraining_dataset") for key in native.config):
        return "cpt"
    kinds = [str(value).lower() for key, value in native.under("datasets.") if key.endswith(".type")]
    return "cpt" if kinds and all(kind.split(":")[0] in _PRETRAINING for kind in kinds) else "sft"


def _datasets(native: Native) -> tuple[str, ...]:
    names = [value for key, value in native.under("datasets.") if key.endswith(".path") and key.count(".") == 1]
    names += [value for key, value in native.under("pretraining_dataset.") if key.endswith(".path")]
    files = [value for key, value in native.under("datasets.") if key.endswith(".data_files")]
    local = [str(name) for name in names if str(name).lower() not in ("json", "parquet", "arrow")]
    return tuple(local or [str(file) for file in files if file] or [str(name) for name in names])


def _modality(native: Native, row: Row) -> str:
    if native.has("processor_type", "image_size", "is_multimodal"):
        return "audio" if "voxtral" in (native.text("base_model") or "").lower() else "vision"
    return "text"
