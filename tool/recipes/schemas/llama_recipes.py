"""Llama cookbook (llama-recipes): dataclass fields `train_config`, `lora_config`, `fsdp_config`."""

from __future__ import annotations

from tool.recipes.draft import Draft, Row
from tool.recipes.huggingface import launched, lora_fields
from tool.recipes.native import Native

SCHEMA = "llama_recipes"
MARKS = (("batch_size_training", "model_name"), ("batching_strategy", "context_length"))


def read(native: Native, row: Row) -> Draft:
    draft = Draft(model=native.text("model_name"), datasets=native.texts("dataset"), objective="sft")
    draft.learning_rate = native.number("lr")
    draft.micro_batch = native.integer("batch_size_training")
    draft.accumulation = native.integer("gradient_accumulation_steps")
    draft.max_length = native.integer("context_length")
    draft.epochs = native.number("num_epochs")
    draft.max_steps = native.integer("max_train_step") or None
    draft.weight_decay = native.number("weight_decay")
    clipping = native.flag("gradient_clipping")
    draft.max_grad_norm = native.number("gradient_clipping_threshold") if clipping else None
    draft.scheduler = "step_per_epoch"  # StepLR: × gamma after each epoch
    draft.seed = native.integer("seed")
    draft.packing = None if not native.has("batching_strategy") else native.text("batching_strategy") == "packing"
    draft.gradient_checkpointing = native.flag("fsdp_config.fsdp_activation_checkpointing")
    draft.precision = _precision(native)
    draft.optim = "adamw_torch"  # the trainer's only one outside of FSDP with `anyprecision`
    draft.gpus = draft.data_parallel = launched(native, "torchrun.nproc_per_node")
    if native.flag("use_peft"):
        lora_fields(native, draft, "lora_config.")
        draft.adapter = "lora"
        kind = (native.text("peft_method") or "lora").lower()
        draft.adapter = "lora" if kind == "lora" else kind
    else:
        draft.adapter = "frozen" if native.flag("freeze_layers") else "full"
    _quantization(native, draft)
    model = (draft.model or "").lower()
    draft.modality = "vision" if "vision" in model else "text"
    return draft


def _precision(native: Native) -> str | None:
    if native.flag("fsdp_config.pure_bf16"):
        return "bf16"
    if native.flag("use_fp16"):
        return "fp16"
    return "bf16" if native.flag("mixed_precision") else None


def _quantization(native: Native, draft: Draft) -> None:
    word = (native.text("quantization") or "").lower()
    if word in ("4bit", "int4"):
        draft.base_quantization = "nf4" if native.text("quantization_config.quant_type") == "nf4" else "4bit"
    elif word in ("8bit", "int8", "true"):
        draft.base_quantization = "int8"
