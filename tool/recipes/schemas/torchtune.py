"""torchtune: components as dotted paths. The model's builder names adapter, family and size."""

from __future__ import annotations

import re

from tool.recipes.draft import Draft, Row
from tool.recipes.huggingface import lora_fields
from tool.recipes.native import Native
from tool.recipes.vocabulary import last_part, optimizer, precision, scheduler

SCHEMA = "torchtune"
MARKS = (("model._component_", "optimizer._component_"), ("checkpointer._component_", "dataset._component_"))
_PREFERENCE = {"dpo": "dpo", "simpo": "simpo", "orpo": "orpo", "kto": "kto", "ppo": "ppo", "grpo": "grpo"}


def read(native: Native, row: Row) -> Draft:
    component = native.text("model._component_", "policy_model._component_", "base_model_path") or ""
    draft = lora_fields(native, Draft(), "model.")
    draft.model = _model(native, component)
    draft.datasets = _datasets(native)
    draft.objective = _objective(native, row)
    draft.adapter = _adapter(native, component, draft)
    draft.learning_rate = native.number("optimizer.lr")
    draft.micro_batch = native.integer("batch_size")
    draft.accumulation = native.integer("gradient_accumulation_steps")
    draft.max_length = native.integer("tokenizer.max_seq_len", "dataset.max_seq_len")
    draft.epochs = native.number("epochs")
    draft.scheduler = scheduler(native.text("lr_scheduler._component_"))
    if native.number("lr_scheduler.num_cycles") == 0:  # of no cosine cycle at all
        draft.scheduler = "constant_with_warmup" if native.number("lr_scheduler.num_warmup_steps") else "constant"
    draft.warmup_steps = native.number("lr_scheduler.num_warmup_steps")
    draft.weight_decay = native.number("optimizer.weight_decay")
    draft.max_grad_norm = native.number("clip_grad_norm")
    draft.optim = optimizer(native.text("optimizer._component_"), native.flag("optimizer.fused"))
    draft.gradient_checkpointing = native.flag("enable_activation_checkpointing")
    draft.packing = native.flag("dataset.packed")
    draft.precision = precision(native.text("dtype"))
    draft.seed = native.integer("seed")
    draft.beta = native.number("loss.beta")
    draft.target_modules = _targets(native) if draft.adapter != "full" else None
    draft.gpus = draft.data_parallel = 1 if "single_device" in row.path else None
    draft.modality = "vision" if "vision" in component or "multimodal" in component else "text"
    if native.has("quantizer._component_") and "qat" in row.path:
        draft.notes.append("quantisation-aware training")
    return draft


def _adapter(native: Native, component: str, draft: Draft) -> str:
    builder = last_part(component)
    if builder.startswith("qlora") or native.flag("model.quantize_base"):
        draft.base_quantization = "nf4-dq"
    has_lora = builder.startswith(("lora", "qlora", "dora", "qdora")) or native.has("model.lora_rank")
    if native.flag("model.use_dora") or builder.startswith(("dora", "qdora")):
        return "dora"
    return "lora" if has_lora else "full"


def _objective(native: Native, row: Row) -> str:
    if native.has("kd_loss._component_", "teacher_model._component_"):
        return "distillation"
    words = f"{native.text('loss._component_') or ''} {row.path}".lower()
    found = [name for mark, name in _PREFERENCE.items() if re.search(rf"(?:^|[^a-z]){mark}|{mark}(?:loss)", words)]
    if "reward" in words and not found:
        return "reward"
    return found[0] if found else "sft"


def _model(native: Native, component: str) -> str | None:
    """The folder that the checkpoint was downloaded to is named like the model; else builder's own name."""
    folder = native.text("checkpointer.checkpoint_dir", "base_model_path") or ""
    name = folder.rstrip("/").split("/")[-1]
    return name if name and "$" not in name and name not in ("checkpoints", "original") else last_part(component)


def _datasets(native: Native) -> tuple[str, ...]:
    source = native.texts("dataset.source")
    named = tuple(name for name in source if name not in ("json", "csv", "text"))
    builder = native.text("dataset._component_")
    return named or ((last_part(builder),) if builder else ())


def _targets(native: Native) -> tuple[str, ...] | None:
    names = {"o_proj" if name == "output_proj" else name for name in native.texts("model.lora_attn_modules")}
    if native.flag("model.apply_lora_to_mlp"):
        names |= {"gate_proj", "up_proj", "down_proj"}
    if native.flag("model.apply_lora_to_output"):
        names.add("lm_head")
    return tuple(sorted(names)) or None
