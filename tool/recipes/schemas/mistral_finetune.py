"""mistral-finetune: LoRA only; `seq_len` × `batch_size` tokens on each GPU; warm-up as a share (`pct_start`)."""

from __future__ import annotations

from tool.recipes.draft import Draft, Row
from tool.recipes.huggingface import launched
from tool.recipes.native import Native

SCHEMA = "mistral_finetune"
MARKS = (("model_id_or_path", "lora.rank"), ("lora.rank", "optim.pct_start"))


def read(native: Native, row: Row) -> Draft:
    draft = Draft(model=native.text("model_id_or_path"), objective="sft")
    draft.datasets = native.texts("data.instruct_data", "data.data")
    draft.learning_rate = native.number("optim.lr")
    draft.micro_batch = native.integer("batch_size")
    draft.accumulation = native.integer("num_microbatches") or 1
    draft.gpus = draft.data_parallel = launched(native, "torchrun.nproc_per_node")
    draft.max_length = native.integer("seq_len")
    draft.max_steps = native.integer("max_steps")
    draft.scheduler = "cosine"  # OneCycleLR, the only one it has
    draft.warmup_ratio = native.number("optim.pct_start")
    draft.weight_decay = native.number("optim.weight_decay")
    draft.max_grad_norm = native.number("max_norm")
    draft.optim = "adamw_torch"
    draft.packing = True  # samples are always concatenated to `seq_len`
    draft.precision = "bf16"
    draft.seed = native.integer("seed")
    rank = native.integer("lora.rank")
    enabled = native.flag("lora.enable")
    draft.adapter = "full" if enabled is False or rank == 0 else "lora"
    draft.lora_r = rank if draft.adapter == "lora" else None
    draft.lora_alpha = native.number("lora.scaling") * rank if native.has("lora.scaling") and rank else None  # type: ignore[operator]
    draft.target_modules = "all-linear" if draft.adapter == "lora" else None
    return draft
