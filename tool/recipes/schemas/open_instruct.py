"""Open Instruct: the script names the objective; lists of datasets are interleaved with their sizes."""

from __future__ import annotations

from tool.recipes.draft import Draft, Row
from tool.recipes.huggingface import launched, lora_fields, trainer_fields, world_size
from tool.recipes.native import Native

SCHEMA = "open_instruct"
MARKS = (
    ("dataset_mixer_list", "model_name_or_path"),
    ("dataset_mixer", "model_name_or_path", "use_slow_tokenizer"),
    ("num_samples_per_prompt_rollout", "model_name_or_path"),
    ("mason.num_nodes", "model_name_or_path"),
    ("model_name_or_path", "tokenizer_name", "use_slow_tokenizer", "per_device_train_batch_size", "learning_rate"),
    (
        "model_name_or_path",
        "tokenizer_name",
        "use_slow_tokenizer",
        "dataset_mixer",
        "preprocessing_num_workers",
        "learning_rate",
    ),
)


def read(native: Native, row: Row) -> Draft:
    draft = trainer_fields(native, Draft(), "")
    lora_fields(native, draft, "")
    draft.model = native.text("model_name_or_path")
    draft.datasets = _datasets(native)
    draft.objective = _objective(native, row)
    draft.epochs = (
        native.number("num_train_epochs")
        if draft.objective == "grpo"
        else native.number("num_train_epochs", "num_epochs")
    )
    draft.max_length = native.integer("max_seq_length", "pack_length", "max_token_length")
    draft.num_generations = native.integer("num_samples_per_prompt_rollout")
    draft.beta = native.number("beta", "dpo_beta")
    _batch(native, draft)
    if native.flag("use_qlora"):
        draft.base_quantization = "nf4"
    draft.adapter = "lora" if native.flag("use_lora", "use_qlora") else "full"
    if draft.adapter == "full":
        draft.lora_r = draft.lora_alpha = draft.lora_dropout = None
    return draft


def _objective(native: Native, row: Row) -> str:
    script = (row.command or "").rsplit("/", 1)[-1]
    if script.startswith(("dpo", "grpo")):
        simpo = "simpo" in (native.text("dpo_loss_type", "loss_type") or "")
        return "grpo" if script.startswith("grpo") else ("simpo" if simpo else "dpo")
    if script.startswith("ppo"):
        return "ppo"
    if script.startswith("reward"):
        return "reward"
    kind = (native.text("dpo_loss_type", "loss_type") or "").lower()
    words = f"{row.path.lower()} {kind}"
    if "simpo" in words:
        return "simpo"
    return "dpo" if "dpo" in words or native.has("dpo_beta") else "sft"


def _batch(native: Native, draft: Draft) -> None:
    """GRPO steps over unique prompts × samples; the trainer's own batch is only how they are cut."""
    prompts = native.integer("num_unique_prompts_rollout")
    if draft.objective == "grpo":
        draft.accumulation = None
        if prompts and draft.num_generations:
            parts = native.integer("num_mini_batches") or 1
            draft.global_batch = max(1, prompts * draft.num_generations // parts)
        draft.gpus = None
        return
    per_node = launched(native, "mason.gpus")
    nodes = launched(native, "mason.num_nodes") or 1
    # mason starts the command on every node, whatever number of processes the command itself names.
    draft.gpus = per_node * nodes if per_node else world_size(native)
    if draft.gpus:
        draft.data_parallel = max(1, draft.gpus // (native.integer("sequence_parallel_size") or 1))


def _datasets(native: Native) -> tuple[str, ...]:
    mixed = [key for key, _ in native.under("dataset_mixer.")]
    listed = [name for name in native.texts("dataset_mixer_list", "mixer_list") if not _is_number(name)]
    return tuple(mixed or listed or native.texts("dataset_name", "train_file"))


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).isdigit()
