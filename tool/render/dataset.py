"""Which rows a notebook reads, and in which shape."""

from __future__ import annotations

from typing import Any

from tool.schema.task import Task

PREFERENCE: dict[str, Any] = {
    "format": "preference",
    "name": "trl-lib/ultrafeedback_binarized",
    "config": None,
    "split": "train",
    "columns": {"chosen": "chosen", "rejected": "rejected"},
}
"""Stands in for a task whose own example holds no preferences (used by TRL's DPO and ORPO examples)."""

PROMPT_ANSWER: dict[str, Any] = {
    "format": "prompt_answer",
    "name": "openai/gsm8k",
    "config": "main",
    "split": "train",
    "columns": {"prompt": "question", "answer": "answer"},
}
"""Stands in for a task whose own example holds no checkable answers (used by most GRPO examples)."""

COLUMNS: dict[str, dict[str, str]] = {
    "instruction": {"instruction": "instruction", "output": "output"},
    "messages": {"messages": "messages"},
    "text_label": {"text": "text", "label": "label"},
    "document_summary": {"document": "document", "summary": "summary"},
    "question_context": {"question": "question", "context": "context", "answer": "answers"},
    "preference": {"chosen": "chosen", "rejected": "rejected"},
    "text": {"text": "text"},
    "prompt_answer": {"prompt": "question", "answer": "answer"},
}
"""The roles that the cells of each format read, and the column assumed where a task names none."""

STREAMED_ROWS = 20_000
"""Rows of plain text read of collections larger than a disk, unless the request names a number."""


def dataset_view(task: Task, template: str, rows: int | None) -> dict[str, Any]:
    """The dataset of a notebook: format, name, config, split, columns by role, and how many rows to read."""
    chosen: dict[str, Any] = {
        "format": task.dataset_format,
        "name": task.example_dataset,
        "config": task.example_config,
        "split": task.example_split,
        "columns": task.columns,
    }
    if template in ("dpo", "orpo", "kto", "simpo") and task.dataset_format != "preference":
        chosen = PREFERENCE
    if template == "grpo" and task.dataset_format != "prompt_answer":
        chosen = PROMPT_ANSWER
    form = chosen["format"]
    return {
        **chosen,
        "columns": {**COLUMNS[form], **chosen["columns"]},
        "max_rows": rows or (STREAMED_ROWS if form == "text" else None),
    }
