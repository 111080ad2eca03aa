"""Tasks: what a user wants the model to learn, and the objective that trains it."""

from __future__ import annotations

from tool.schema.base import ModelKind, Objective, Record, Source


class Task(Record):
    """One task_type. `objective` is the default, `template` names the notebook template under tool/templates."""

    id: str
    title: str
    description: str
    aliases: tuple[str, ...] = ()
    objective: Objective
    objectives: tuple[Objective, ...]
    model_kinds: tuple[ModelKind, ...]
    template: str
    dataset_format: str
    example_dataset: str
    example_split: str = "train"
    max_length: int
    packing: bool
    metrics: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
