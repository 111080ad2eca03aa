"""One published fine-tuning configuration in canonical names, whatever framework it was written for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from tool.schema.base import Adapter, Objective, Precision, Quantization, SizeBucket

Modality = Literal["text", "vision", "audio"]
RecipeTask = Literal[
    "instruction_following",
    "chat",
    "classification",
    "summarization",
    "question_answering",
    "code",
    "reasoning",
    "preference",
    "continued_pretraining",
    "reinforcement",
    "unknown",
]


@dataclass(frozen=True, slots=True)
class RecipeSource:
    """Where a recipe was published. `repo` is the opinion holder: priors weigh by it."""

    repo: str
    path: str
    commit: str | None = None
    license: str | None = None
    date: str | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """A recipe in the names of Hugging Face, TRL and PEFT. None means that the publisher did not say.

    `effective_batch_size` counts sequences per optimizer step over all data-parallel ranks; where the publisher names
    no number of GPUs (`gpus` is None) it is that of one GPU. `params_b` is in billions of total parameters.
    `max_length` is in tokens, `warmup_ratio` a fraction of all steps. `test_accuracy` and `train_loss` are outcomes
    that the publisher measured.
    """

    id: str
    schema: str
    source: RecipeSource
    model: str | None
    registry_model: str | None
    family: str | None
    params_b: float | None
    size_bucket: SizeBucket | None
    task_type: RecipeTask
    objective: Objective
    adapter: Adapter
    dataset: str | None
    learning_rate: float | None = None
    per_device_train_batch_size: int | None = None
    gradient_accumulation_steps: int | None = None
    gpus: int | None = None
    effective_batch_size: int | None = None
    max_length: int | None = None
    num_train_epochs: float | None = None
    max_steps: int | None = None
    lr_scheduler_type: str | None = None
    warmup_ratio: float | None = None
    warmup_steps: int | None = None
    weight_decay: float | None = None
    max_grad_norm: float | None = None
    optim: str | None = None
    lora_r: int | None = None
    lora_alpha: float | None = None
    lora_dropout: float | None = None
    use_rslora: bool | None = None
    target_modules: str | tuple[str, ...] | None = None
    gradient_checkpointing: bool | None = None
    packing: bool | None = None
    precision: Precision | None = None
    quantization: Quantization = "none"
    seed: int | None = None
    beta: float | None = None
    num_generations: int | None = None
    test_accuracy: float | None = None
    train_loss: float | None = None
    is_trial: bool = False
    notes: tuple[str, ...] = field(default=())
