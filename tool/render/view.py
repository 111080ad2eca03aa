"""What the templates see: one flat set of plain values, every default decided here."""

from __future__ import annotations

import re
from typing import Any

from tool.errors import BadRequest
from tool.recommend.lengths import answer_tokens
from tool.render.context import NotebookContext
from tool.render.dataset import dataset_view
from tool.render.rehearsal import rehearsal
from tool.schema.recommendation import Recommendation

TRL_TEMPLATES = ("sft", "cpt", "dpo", "orpo", "kto", "simpo", "grpo")

METHOD_TITLES = {"full": "full fine-tuning", "lora": "LoRA", "qlora": "QLoRA", "dora": "DoRA"}

PURPOSES = {
    "sft": "Teaches the model to answer as the examples do (supervised fine-tuning with TRL's SFTTrainer).",
    "cpt": "Continues pretraining on plain text: next-token prediction over packed documents (TRL's SFTTrainer).",
    "dpo": "Teaches the model to prefer the chosen answer over the rejected one (direct preference optimization).",
    "orpo": "Learns answers and preferences in one stage, with no reference (odds ratio preference optimization).",
    "kto": "Learns from single answers marked as good or bad (Kahneman-Tversky optimization).",
    "simpo": "Teaches preferences by mean log-probability and a margin (simple preference optimization).",
    "grpo": "Lets the model try several answers and reinforces the better ones (group relative policy optimization).",
    "sequence_classification": "Trains a classification head and the network below it to put a label on a text.",
    "seq2seq_summarization": "Trains an encoder-decoder to write a short summary of a document.",
    "seq2seq_question_answering": "Trains an encoder-decoder to answer a question from a passage.",
}

MAX_TARGET_LENGTH = {"seq2seq_summarization": 128, "seq2seq_question_answering": 32}
"""Tokens of a target: lengths of the transformers examples for summarization (128) and of short extractive answers."""

BETA = {"dpo": 0.1, "kto": 0.1, "orpo": 0.1, "grpo": 0.0, "simpo": 2.0}
"""Defaults of TRL 1.16's DPOConfig, KTOConfig, ORPOConfig and GRPOConfig; for SimPO its authors' (arXiv 2405.14734)."""

SIMPO_GAMMA = 0.5
"""Default of TRL 1.16's CPOConfig."""

KTO_SMALLEST_BATCH = 2
"""KTO estimates its KL term by pairing prompts with other answers of the same batch, so one row has none."""


def objective_of(recommendation: Recommendation, context: NotebookContext) -> str:
    """The objective: the context's, else the configuration's, else the task's default."""
    return str(context.objective or recommendation.config.get("objective") or context.task.objective)


def model_kind_of(recommendation: Recommendation, context: NotebookContext) -> str:
    """The model kind: the context's, else the configuration's, else the task's first."""
    return str(context.model_kind or recommendation.config.get("model_kind") or context.task.model_kinds[0])


def adapter_of(recommendation: Recommendation, context: NotebookContext) -> str:
    """The adapter: the context's, else the configuration's, else told by rank and quantization."""
    config = recommendation.config
    named = context.adapter or config.get("adapter")
    if named:
        return str(named)
    if not config.get("lora_r"):
        return "full"
    return "lora" if config.get("quantization", "none") == "none" else "qlora"


def view(recommendation: Recommendation, context: NotebookContext, template: str) -> dict[str, Any]:
    """All names that the templates use. Raises BadRequest for a configuration that no notebook can run."""
    objective = objective_of(recommendation, context)
    adapter = adapter_of(recommendation, context)
    kind = model_kind_of(recommendation, context)
    data = dataset_view(context.task, template, recommendation.request.get("dataset_rows"))
    return {
        "template": template,
        "objective": objective,
        "adapter": adapter,
        "method_title": METHOD_TITLES.get(adapter, adapter),
        "uses_adapter": adapter != "full",
        "uses_trl": template in TRL_TEMPLATES,
        "model_id": context.model_id,
        "task": {"id": context.task.id, "title": context.task.title, "description": context.task.description},
        "is_encoder": kind in ("sequence_classification", "seq2seq"),
        "platform_title": context.platform_title,
        "card_title": context.card_title,
        "gpus": context.gpus,
        "colab_url": context.colab_url,
        "provenance": sorted(context.provenance.items()),
        "answer": _answer(recommendation),
        "request": recommendation.request,
        "install": _install(recommendation, context),
        "output_dir": _slug(f"{context.model_id.split('/')[-1]}-{context.task.id}-{adapter}"),
        "parameters": _parameters(recommendation, context, template, objective, adapter),
        "forecast": {(batch, length): gib for batch, length, gib in sorted(context.upper_bounds)},
        "smallest_batch": KTO_SMALLEST_BATCH if template == "kto" else 1,
        "data": data,
        "hours_per_thousand_rows": context.hours_per_thousand_rows,
        "runtime_limit_hours": context.runtime_limit_hours,
        "time_per_thousand_rows": _duration(context.hours_per_thousand_rows),
        "rehearsal": rehearsal(template, kind, data["columns"]),
        "purpose": PURPOSES[template],
    }


def _duration(hours: float | None) -> str | None:
    """Hours in words: minutes below two hours."""
    if hours is None or hours >= 2:
        return None if hours is None else f"{hours:.3g} hours"
    minutes = max(1, round(60 * hours))
    return f"{minutes} minute{'s' if minutes > 1 else ''}"


def _answer(recommendation: Recommendation) -> dict[str, Any]:
    """What the head tells about the recommendation."""
    vram = recommendation.vram
    return {
        "engine": recommendation.engine,
        "slot": recommendation.slot,
        "strategy": recommendation.strategy,
        "effective_batch_size": recommendation.effective_batch_size,
        "confidence": recommendation.confidence,
        "constrained_safe": recommendation.constrained_safe,
        "warnings": list(recommendation.warnings),
        "time": _duration(recommendation.estimated_hours),
        "reasons": [vars(reason) for reason in recommendation.reasons],
        "allocated_gib": vram.allocated_gib if vram else None,
        "upper_gib": vram.upper_gib if vram else None,
        "usable_gib": vram.usable_gib if vram else None,
        "verdict": vram.verdict if vram else None,
    }


def _install(recommendation: Recommendation, context: NotebookContext) -> dict[str, Any]:
    """Pins to install, and what the image brings. The answer's own pins win, since they are what was checked."""
    answer = recommendation.dependencies
    stack = context.stack
    pins = answer.pins if answer else stack.pins if stack else {}
    from_image = answer.from_image if answer else stack.from_image if stack else {}
    return {
        "pins": dict(sorted(pins.items())),
        "from_image": dict(sorted(from_image.items())),
        "stack": answer.stack if answer else stack.id if stack else None,
        "python": stack.python if stack else None,
        "torch_backend": stack.torch_backend if stack else None,
    }


def _parameters(
    recommendation: Recommendation, context: NotebookContext, template: str, objective: str, adapter: str
) -> dict[str, Any]:
    """The assignments of the parameters cell."""
    config = recommendation.config
    batch = int(_required(config, "per_device_train_batch_size"))
    accumulation = int(config.get("gradient_accumulation_steps", 1))
    if template == "kto" and batch < KTO_SMALLEST_BATCH:
        batch, accumulation = KTO_SMALLEST_BATCH, max(1, accumulation * batch // KTO_SMALLEST_BATCH)
    precision = str(config.get("precision", "bf16"))
    length = int(config.get("max_length") or context.task.max_length)
    return {
        "learning_rate": float(_required(config, "learning_rate")),
        "micro_batch": batch,
        "accumulation": accumulation,
        "epochs": config.get("num_train_epochs", 1),
        "max_steps": int(config.get("max_steps") or -1),
        "max_length": length,
        "scheduler": str(config.get("lr_scheduler_type", "linear")),
        "warmup": _warmup(config),
        "weight_decay": float(config.get("weight_decay") or 0.0),
        "max_grad_norm": float(config.get("max_grad_norm") or 1.0),
        "optim": str(config.get("optim", "adamw_torch_fused")),
        "precision": precision,
        "weights": _weights(config, precision, adapter, template),
        "attention": str(config.get("attn_implementation") or "sdpa"),
        "checkpointing": bool(config.get("gradient_checkpointing", True)),
        "packing": bool(config.get("packing", False)) and template in ("sft", "cpt"),
        "seed": int(config.get("seed") or 0),
        "quantization": str(config.get("quantization", "none")) if adapter != "full" else "none",
        "kbit_preparation": bool(config.get("kbit_preparation", template not in ("orpo", "simpo"))),
        "sharding": str(config.get("sharding") or "none"),
        "lora_r": config.get("lora_r"),
        "lora_alpha": config.get("lora_alpha", config.get("lora_r")),
        "lora_dropout": float(config.get("lora_dropout") or 0.0),
        "target_modules": _targets(config),
        "use_rslora": bool(config.get("use_rslora", False)),
        "use_dora": adapter == "dora" or bool(config.get("use_dora", False)),
        "adapt_experts": bool(config.get("adapt_experts", config.get("target_parameters") is not None)),
        "beta": float(config.get("beta", BETA.get(objective, 0.1))),
        "simpo_gamma": float(config.get("simpo_gamma", SIMPO_GAMMA)),
        "loss_type": str(config.get("loss_type") or "sigmoid"),
        "desirable_weight": float(config.get("desirable_weight", 1.0)),
        "undesirable_weight": float(config.get("undesirable_weight", 1.0)),
        "num_generations": int(config.get("num_generations") or 8),
        "max_completion_length": answer_tokens({**config, "max_length": length}),
        "temperature": float(config.get("temperature", 1.0)),
        "max_target_length": int(config.get("max_target_length") or MAX_TARGET_LENGTH.get(template, 128)),
    }


def _required(config: dict[str, Any], name: str) -> Any:
    if config.get(name) is None:
        raise BadRequest(f"config.{name}", "is missing, and a notebook cannot run without it", "ask for a full answer")
    return config[name]


def _warmup(config: dict[str, Any]) -> float | int:
    """transformers 5 has one argument for both: a share of the steps below 1, a count from there."""
    ratio = config.get("warmup_ratio")
    if ratio is not None:
        return float(ratio)
    steps = config.get("warmup_steps")
    return 0.0 if steps is None else steps if steps < 1 else int(steps)


def _weights(config: dict[str, Any], precision: str, adapter: str, template: str) -> str:
    """The type that the weights are loaded in.

    Frozen weights are held in the computing type. Trained ones are too in bf16, but in fp16 they stay in fp32,
    since the gradient scaler of torch refuses fp16 gradients ("Attempting to unscale FP16 gradients"); and so they
    do for the small models of classification and encoder-decoders, whose authors all trained in fp32.
    """
    if config.get("torch_dtype"):
        return str(config["torch_dtype"])
    trained = adapter == "full"
    small = template.startswith(("sequence", "seq2seq"))
    if precision == "fp32" or (trained and (precision == "fp16" or small)):
        return "float32"
    return {"bf16": "bfloat16", "fp16": "float16"}[precision]


def _targets(config: dict[str, Any]) -> str | list[str]:
    targets = config.get("target_modules") or "all-linear"
    return targets if isinstance(targets, str) else [str(name) for name in targets]


def _slug(text: str) -> str:
    """A folder name of lower-case letters, digits, dots and dashes."""
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.") or "fine-tuned"
