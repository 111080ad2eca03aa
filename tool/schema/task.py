"""Tasks: what a user wants the model to learn, and the objective that trains it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tool.schema.base import ModelKind, Objective, Record, Source

DatasetFormat = Literal[
    "instruction",
    "messages",
    "text_label",
    "document_summary",
    "question_context",
    "preference",
    "text",
    "prompt_answer",
]


class Task(Record):
    """One task_type. `objective` is the default, `template` names the notebook template under tool/templates.

    `templates` names another template for a model kind (`seq2seq`, `sequence_classification`) or for an objective.
    `max_length` is in tokens. `columns` maps what the template needs to the columns of the example dataset.
    """

    id: str
    title: str
    description: str
    aliases: tuple[str, ...] = ()
    objective: Objective
    objectives: tuple[Objective, ...]
    model_kinds: tuple[ModelKind, ...]
    template: str
    templates: dict[str, str] = {}
    dataset_format: DatasetFormat
    example_dataset: str
    example_config: str | None = None
    example_split: str = "train"
    dataset_license: str | None = None
    columns: dict[str, str] = {}
    max_length: int = Field(ge=8)
    packing: bool
    metrics: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
