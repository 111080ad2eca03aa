"""TRL: command lines of its scripts, YAML for its CLI, and notebooks that call its trainers."""

from __future__ import annotations

import re

from tool.recipes.draft import Draft, Row
from tool.recipes.huggingface import lora_fields, trainer_fields, world_size
from tool.recipes.native import Native
from tool.recipes.python_calls import CONFIGS, read_calls

SCHEMA = "trl"
MARKS = (
    ("model_name_or_path", "dataset_name", "learning_rate", "per_device_train_batch_size"),
    ("SFTConfig", "AutoModelForCausalLM.from_pretrained"),
    ("LoraConfig", "SFTConfig"),
    ("DPOConfig", "LoraConfig"),
    ("GRPOConfig", "LoraConfig"),
    ("TrainingArguments", "LoraConfig"),
)
# What every script on the Hugging Face Trainer has: TRL unless another schema claims the row.
FALLBACK = (("model_name_or_path", "learning_rate"), ("model_name_or_path", "per_device_train_batch_size"))
_SCRIPTS = {"gspo": "grpo", "gkd": "distillation", "gold": "distillation", "sdft": "distillation"}
_SCRIPTS |= {"reward_modeling": "reward", "prm": "reward", "sdpo": "distillation", "distillation": "distillation"}
# Scripts that always train LoRA, whatever their command line says.
_LORA_SCRIPTS = ("text/finetuning/", "grpo_2048.py")
_KNOWN = ("sft", "dpo", "orpo", "kto", "cpo", "grpo")


def read(native: Native, row: Row) -> Draft:
    if any(key.startswith(CONFIGS) for key in native.config) or any(
        ".from_pretrained." in key for key in native.config
    ):
        draft = read_calls(native, row)
        if draft.adapter == "full" and any(script in row.path for script in _LORA_SCRIPTS):
            draft.adapter = "lora"
        return draft
    draft = trainer_fields(native, Draft(), "")
    lora_fields(native, draft, "")
    draft.max_length = native.integer("max_length", "max_seq_length", "max_seq_len")
    draft.epochs = native.number("num_train_epochs", "num_epochs")
    draft.micro_batch = native.integer("per_device_train_batch_size", "batch_size", "micro_batch_size")
    draft.learning_rate = native.number("learning_rate", "lr")
    draft.model = native.text("model_name_or_path", "base_model", "base_model_name_or_path", "model_id", "model_name")
    draft.datasets = native.texts("dataset_name", "data_path")
    draft.objective = _objective(native, row)
    draft.gpus = draft.data_parallel = world_size(native)
    draft.gradient_checkpointing = native.flag("gradient_checkpointing")
    _adapter(native, row, draft)
    words = f"{row.command or ''} {row.path} {draft.model or ''} {' '.join(draft.datasets)}".lower()
    if re.search(r"vlm|smolvlm|vision|llava|-vl-|rlaif-v", words):
        draft.modality = "vision"
    elif "whisper" in words:
        draft.modality = "audio"
    return draft


def _adapter(native: Native, row: Row, draft: Draft) -> None:
    folder = re.search(r"([a-z]+)_finetuning", f"{row.command or ''}".lower())
    named = re.search(r"(?:^|[^a-z])(q?lora)(?:[^a-z]|$)", row.path.lower())
    uses = native.flag("use_peft", "use_peft_lora") or native.has("lora_r", "lora_rank", "lora_alpha") or bool(named)
    uses = uses or any(script in row.path for script in _LORA_SCRIPTS)
    draft.adapter = "lora" if uses else "full"
    if folder and folder.group(1) not in ("full", "lora", "qlora", "dora", "ga", "lora_ga"):
        draft.adapter = folder.group(1)
    if native.flag("use_dora"):
        draft.adapter = "dora"
    if named and named.group(1) == "qlora":
        draft.base_quantization = "nf4"
    if native.flag("load_in_4bit", "use_4bit_quantization", "quantize"):
        draft.base_quantization = "nf4-dq" if native.flag("use_nested_quant", "use_bnb_nested_quant") else "nf4"
    elif native.flag("load_in_8bit", "use_8bit_quantization"):
        draft.base_quantization = "int8"


def _objective(native: Native, row: Row) -> str:
    script = (row.command or "").rsplit("/", 1)[-1].removesuffix(".py").split()[-1:]
    word = script[0].removesuffix("_vlm").removesuffix("_gpt_oss") if script else ""
    if word in _SCRIPTS:
        return _SCRIPTS[word]
    if word in _KNOWN:
        simpo = word == "cpo" and native.text("loss_type") == "simpo"
        return "simpo" if simpo else word
    named = re.search(r"(?:^|[/_\-])(dpo|orpo|kto|grpo)(?:[/_\-.]|$)", row.path.lower())
    trained = {"train", "", "run_sft", "finetune"}
    if word in trained or word.endswith("finetuning") or word == "run_ds_lora" or "train_mem" in word:
        return named.group(1) if named and word != "train" else "sft"
    return word or "sft"
