"""Recommendations and contexts as the recommender makes them, small enough to read."""

from __future__ import annotations

from typing import Any

from tool.render import NotebookContext
from tool.schema.base import Source
from tool.schema.dependency import Stack
from tool.schema.fit import FitAnswer
from tool.schema.recommendation import Dependencies, Reason, Recommendation
from tool.schema.task import Task

PINS = {"accelerate": "1.15.0", "peft": "0.21.2", "torch": "2.13.0", "transformers": "5.23.0", "trl": "1.16.0"}

TASKS: dict[str, dict[str, Any]] = {
    "instruction_following": {
        "template": "sft",
        "objective": "sft",
        "dataset_format": "instruction",
        "example_dataset": "yahma/alpaca-cleaned",
        "columns": {"instruction": "instruction", "input": "input", "output": "output"},
    },
    "chat": {
        "template": "sft",
        "objective": "sft",
        "dataset_format": "messages",
        "example_dataset": "HuggingFaceH4/ultrachat_200k",
        "example_split": "train_sft",
        "columns": {"messages": "messages"},
    },
    "code": {
        "template": "sft",
        "objective": "sft",
        "dataset_format": "instruction",
        "example_dataset": "HuggingFaceH4/CodeAlpaca_20K",
        "columns": {"instruction": "prompt", "output": "completion"},
    },
    "reasoning": {
        "template": "sft",
        "objective": "sft",
        "templates": {"grpo": "grpo"},
        "dataset_format": "prompt_answer",
        "example_dataset": "openai/gsm8k",
        "example_config": "main",
        "columns": {"prompt": "question", "answer": "answer"},
    },
    "preference": {
        "template": "dpo",
        "objective": "dpo",
        "templates": {"dpo": "dpo", "orpo": "orpo", "kto": "kto"},
        "dataset_format": "preference",
        "example_dataset": "trl-lib/ultrafeedback_binarized",
        "columns": {"chosen": "chosen", "rejected": "rejected"},
    },
    "continued_pretraining": {
        "template": "cpt",
        "objective": "cpt",
        "dataset_format": "text",
        "example_dataset": "HuggingFaceFW/fineweb-edu",
        "example_config": "sample-10BT",
        "columns": {"text": "text"},
        "packing": True,
    },
    "reinforcement": {
        "template": "grpo",
        "objective": "grpo",
        "dataset_format": "prompt_answer",
        "example_dataset": "openai/gsm8k",
        "example_config": "main",
        "columns": {"prompt": "question", "answer": "answer"},
    },
    "classification": {
        "template": "sequence_classification",
        "objective": "sft",
        "model_kinds": ("sequence_classification", "causal_lm"),
        "dataset_format": "text_label",
        "example_dataset": "fancyzhx/ag_news",
        "columns": {"text": "text", "label": "label"},
    },
    "summarization": {
        "template": "sft",
        "objective": "sft",
        "model_kinds": ("causal_lm", "seq2seq"),
        "templates": {"seq2seq": "seq2seq_summarization"},
        "dataset_format": "document_summary",
        "example_dataset": "knkarthick/samsum",
        "columns": {"document": "dialogue", "summary": "summary"},
    },
    "question_answering": {
        "template": "sft",
        "objective": "sft",
        "model_kinds": ("causal_lm", "seq2seq"),
        "templates": {"seq2seq": "seq2seq_question_answering"},
        "dataset_format": "question_context",
        "example_dataset": "rajpurkar/squad",
        "columns": {"question": "question", "context": "context", "answer": "answers"},
    },
}


def task(name: str) -> Task:
    """One of the ten tasks, in the shape of profiles/tasks."""
    fields = {"model_kinds": ("causal_lm",), "packing": False, "max_length": 1024} | TASKS[name]
    objectives = tuple(
        {fields["objective"], *fields.get("templates", {})} & {"sft", "dpo", "orpo", "kto", "grpo", "cpt"}
    )
    title = name.replace("_", " ").capitalize()
    return Task(id=name, title=title, description=f"{title}.", objectives=objectives, **fields)


def stack() -> Stack:
    """A dependency stack with a few pins."""
    return Stack(
        id="trl",
        title="TRL",
        framework="trl",
        python=">=3.11",
        pins=PINS,
        as_of="2026-11-24",
        sources=(Source(page="x"),),
    )


def recommendation(adapter: str = "qlora", **config: Any) -> Recommendation:
    """An answer for one adapter; `config` overrides single values."""
    values: dict[str, Any] = {
        "adapter": adapter,
        "learning_rate": 2e-4 if adapter != "full" else 2e-5,
        "per_device_train_batch_size": 2,
        "gradient_accumulation_steps": 8,
        "num_train_epochs": 1,
        "max_length": 1024,
        "lr_scheduler_type": "cosine",
        "warmup_ratio": 0.03,
        "weight_decay": 0.01,
        "max_grad_norm": 1.0,
        "optim": "adamw_torch_fused",
        "gradient_checkpointing": True,
        "packing": False,
        "precision": "fp16",
        "quantization": "nf4-dq" if adapter == "qlora" else "none",
        "attn_implementation": "sdpa",
        "seed": 42,
    }
    if adapter != "full":
        values |= {"lora_r": 16, "lora_alpha": 32, "lora_dropout": 0.05, "target_modules": "all-linear"}
    vram = FitAnswer(
        allocated_gib=8.123,
        reserved_gib=9.0,
        process_gib=9.5,
        upper_gib=10.5,
        usable_gib=14.56,
        verdict="fits",
        peak_phase="backward",
        terms={"weights": 5.0},
    )
    reason = Reason(field="learning_rate", value=2e-4, rule="median of 41 recipes", source="priors", n=41)
    return Recommendation(
        engine="2026.11.0",
        slot="production",
        strategy="deterministic",
        request={"task": "instruction_following", "adapter": adapter},
        config=values | config,
        effective_batch_size=16,
        vram=vram,
        confidence=0.71,
        constrained_safe=False,
        dependencies=Dependencies(stack="trl", pins=PINS),
        reasons=(reason,),
        estimated_hours=1.2,
    )


def context(task_name: str = "instruction_following", **fields: Any) -> NotebookContext:
    """The surroundings of an answer on Colab's free T4; `fields` override single values."""
    bounds = tuple((batch, length, 4.0 + batch * length / 512) for batch in (1, 2, 4) for length in (256, 512, 1024))
    values: dict[str, Any] = {
        "model_id": "meta-llama/Llama-3.1-8B-Instruct",
        "task": fields.get("task") or task(task_name),
        "platform_title": "Google Colab, free",
        "card_title": "Tesla T4",
        "stack": stack(),
        "provenance": {"tool": "2026.11.0", "registry": "sha256:0123"},
        "upper_bounds": bounds,
    }
    return NotebookContext(**(values | fields))
