"""Notebooks and scripts: the keyword arguments of the calls they make, keyed `Class.argument`."""

from __future__ import annotations

import re

from tool.recipes.draft import Draft, Row
from tool.recipes.huggingface import lora_fields, trainer_fields
from tool.recipes.native import Native

CONFIGS = (
    "SFTConfig.", "DPOConfig.", "ORPOConfig.", "KTOConfig.", "CPOConfig.", "GRPOConfig.", "AsyncGRPOConfig.",
    "RLOOConfig.", "UnslothTrainingArguments.", "TrainingArguments.", "Seq2SeqTrainingArguments.",
    "SentenceTransformerTrainingArguments.", "SFTTrainer.", "DPOTrainer.", "ORPOTrainer.", "UnslothTrainer.",
)  # fmt: skip
_OBJECTIVES = {"DPO": "dpo", "ORPO": "orpo", "KTO": "kto", "GRPO": "grpo", "AsyncGRPO": "grpo", "RLOO": "rloo"}
_OBJECTIVES |= {
    "CPO": "cpo",
    "Reward": "reward",
    "PRM": "reward",
    "PPO": "ppo",
    "GKD": "distillation",
    "GOLD": "distillation",
}
_OBJECTIVES |= {"OnlineDPO": "online_dpo", "NashMD": "nash_md", "XPO": "xpo", "BCO": "bco", "MiniLLM": "distillation"}
_OTHER_HEADS = ("SequenceClassification", "TokenClassification", "SentenceTransformer", "Whisper")
_VISION = ("Vision", "VL", "ImageTextToText", "Idefics", "Mistral3ForConditional")
_CONFIG = re.compile(r"^(\w+)Config$")
# Configuration classes that are no adapter; any other is one of PEFT's.
_NO_ADAPTER = {"Lora", "BitsAndBytes", "SFT", "Auto", "Generation", "Hqq", "GPTQ", "Awq", "Quanto", "TorchAo", "Model"}
_NO_ADAPTER |= {"Accelerator", "FSDP", "DeepSpeed", "Mxfp4", "FineGrainedFP8", "Trainer", "Script", "Dataset"}


def read_calls(native: Native, row: Row) -> Draft:
    """Shared reading of TRL and Unsloth notebooks."""
    draft = trainer_fields(native, Draft(), *CONFIGS)
    classes = {key.split(".", 1)[0] for key in native.config}
    peft = [f"{name}.get_peft_model." for name in sorted(classes) if name.startswith("Fast")]
    lora_fields(native, draft, "LoraConfig.", *peft)
    loaders = [f"{name}.from_pretrained." for name in sorted(classes)]
    _model(native, draft, loaders)
    draft.objective = _objective(native, row, classes)
    draft.modality = _modality(row, classes)
    _adapter(native, draft, classes, loaders, peft)
    draft.beta = native.number(*(f"{name}beta" for name in CONFIGS))
    draft.datasets = _datasets(native)
    return draft


def _model(native: Native, draft: Draft, loaders: list[str]) -> None:
    names = ("pretrained_model_name_or_path", "model_name", "model_name_or_path")
    draft.model = native.text(*(f"{loader}{name}" for loader in loaders for name in names), *_trainers("model"))
    if draft.max_length is None:
        draft.max_length = native.integer(*(f"{loader}max_seq_length" for loader in loaders))


def _trainers(argument: str) -> tuple[str, ...]:
    trainers = [config for config in CONFIGS if config.endswith("Trainer.")]
    return tuple(f"{name}{argument}" for name in [*trainers, "GRPOTrainer."])


def _adapter(native: Native, draft: Draft, classes: set[str], loaders: list[str], peft: list[str]) -> None:
    has_lora = "LoraConfig" in classes or any(key.startswith(start) for key in native.config for start in peft)
    kinds = sorted(match.group(1) for match in map(_CONFIG.match, classes) if match)
    foreign = [kind for kind in kinds if kind not in _NO_ADAPTER and kind not in _OBJECTIVES]
    draft.adapter = "lora" if has_lora else (foreign[0].lower() if foreign else "full")
    if draft.adapter == "lora" and native.flag("LoraConfig.use_dora", *(f"{start}use_dora" for start in peft)):
        draft.adapter = "dora"
    four = ("BitsAndBytesConfig.load_in_4bit", *(f"{loader}load_in_4bit" for loader in loaders))
    eight = ("BitsAndBytesConfig.load_in_8bit", *(f"{loader}load_in_8bit" for loader in loaders))
    if any(native.flag(key) for key in four):
        double = native.flag("BitsAndBytesConfig.bnb_4bit_use_double_quant")
        draft.base_quantization = "nf4-dq" if double else "nf4"
    elif any(native.flag(key) for key in eight):
        draft.base_quantization = "int8"
    if any(native.flag(f"{loader}full_finetuning") for loader in loaders):
        draft.adapter, draft.base_quantization = "full", "none"


def _objective(native: Native, row: Row, classes: set[str]) -> str:
    head = next((name for name in sorted(classes) if any(word in name for word in _OTHER_HEADS)), None)
    if head:
        return "other head" if "SentenceTransformer" not in head else "embedding"
    if any(key.endswith(".num_labels") for key in native.config):
        return "other head"
    for name in sorted(classes, key=len, reverse=True):
        kind = re.sub(r"(Config|Trainer)$", "", name)
        if kind == "CPO" and native.text("CPOConfig.loss_type") == "simpo":
            return "simpo"
        if kind in _OBJECTIVES and kind != name:
            return _OBJECTIVES[kind]
    name = row.path.rsplit("/", 1)[-1].lower()
    if re.search(r"(?:^|[^a-z])cpt(?:[^a-z]|$)|text_completion|continued_pretrain", name):
        return "cpt"
    return "sft"


def _modality(row: Row, classes: set[str]) -> str:
    name = row.path.rsplit("/", 1)[-1].lower()
    if re.search(r"whisper|tts|audio|speech|asr|sesame|orpheus|csm|spark", name):
        return "audio"
    if re.search(r"vision|ocr|vlm|multimodal|pixtral", name):
        return "vision"
    seen = any(word in cls for cls in classes for word in _VISION if cls != "FastVisionModel")
    return "vision" if seen else "text"


def _datasets(native: Native) -> tuple[str, ...]:
    keys = [key for key in native.config if key.startswith("load_dataset.") and key.endswith("path")]
    names = [str(native.config[key]) for key in keys if native.config[key]]
    return tuple(dict.fromkeys(name for name in names if name.lower() not in ("json", "csv", "parquet")))
