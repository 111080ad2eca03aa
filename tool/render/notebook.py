"""Render one recommendation as a Jupyter notebook (nbformat 4.5): a pure function to canonical bytes."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import Any

from tool.errors import BadRequest
from tool.render.canonical import Written, canonical, written_lines
from tool.render.context import NotebookContext
from tool.render.templates import environment, forget_phrases, template_names
from tool.render.view import adapter_of, model_kind_of, objective_of, view
from tool.schema.recommendation import Recommendation

_MARK = "\n# %%"
_KINDS = {"": "code", " [markdown]": "markdown"}
"""The rest of the line of a mark → the type of the cell that it starts."""
_GAP = re.compile(r"\n{4,}")

CELLS = 4096
"""Cells that are kept in memory, some 2 KiB each."""
CELL_DEPTH = 2
"""How deep a cell lies in the document: inside the list inside the notebook."""


def template_for(recommendation: Recommendation, context: NotebookContext) -> str:
    """The name of the template: the task's own one for the objective or model kind, else its default.

    Raises BadRequest when no template trains this objective.
    """
    objective, kind = objective_of(recommendation, context), model_kind_of(recommendation, context)
    templates = context.task.templates
    name = context.task.template
    if objective in templates:
        name = templates[objective]
    elif objective != context.task.objective and objective in template_names():
        name = objective
    elif objective != context.task.objective:
        raise BadRequest(
            "objective", f"no notebook template trains {objective!r}", "choose one of the task's objectives"
        )
    elif kind in templates:
        name = templates[kind]
    fitting = {"seq2seq": "seq2seq_", "sequence_classification": "sequence_classification"}.get(kind)
    if fitting and not name.startswith(fitting):
        raise BadRequest("model", f"a {kind} model cannot be trained by the template {name!r}", "choose another task")
    if name not in template_names():
        raise BadRequest("task", f"there is no notebook template {name!r}", f"known: {', '.join(template_names())}")
    return name


def notebook(recommendation: Recommendation, context: NotebookContext) -> bytes:
    """The notebook as canonical JSON: sorted keys, one-space indent, deterministic cell ids, no timestamps."""
    name = template_for(recommendation, context)
    values = view(recommendation, context, name)
    text = environment().get_template(f"{name}/notebook.py.j2").render(**values)
    document = {
        "cells": [_written_cell(kind, source, index) for index, (kind, source) in enumerate(cells(text))],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            "open_finetune_config": {
                "adapter": adapter_of(recommendation, context),
                "engine": recommendation.engine,
                "model": context.model_id,
                "provenance": dict(context.provenance),
                "task": context.task.id,
                "template": name,
            },
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return (canonical(document) + "\n").encode()


def cells(text: str) -> list[tuple[str, str]]:
    """Split the percent format (`# %%`, `# %% [markdown]`) into (cell type, source)."""
    parts: list[tuple[str, str]] = []
    for piece in f"\n{text}".split(_MARK)[1:]:
        rest, _, source = piece.partition("\n")
        kind = _KINDS.get(rest.rstrip())
        if kind:
            parts.append((kind, source))
        elif parts:  # a comment that only begins like a mark
            parts[-1] = (parts[-1][0], parts[-1][1] + _MARK + piece)
    return [(kind, _tidy(source)) for kind, source in parts if not source.isspace() and source]


def _tidy(source: str) -> str:
    """Without empty lines at the ends, and with at most two in a row."""
    source = source.strip("\n")
    return _GAP.sub("\n\n\n", source) if "\n\n\n\n" in source else source


@lru_cache(maxsize=CELLS)
def _written_cell(kind: str, source: str, index: int) -> Written:
    """The text of one cell. Most cells of a catalogue are the same in many notebooks, and are written once.

    The id is derived from place and content, so that equal input gives equal bytes.
    """
    digest = hashlib.sha256(f"{index}\n{kind}\n{source}".encode()).hexdigest()[:12]
    before, between, after = _frame(kind)
    lines = written_lines(source, CELL_DEPTH + 1).text
    return Written(f"{before}c{index:02d}-{digest}{between}{lines}{after}")


@lru_cache(maxsize=2)
def _frame(kind: str) -> tuple[str, str, str]:
    """A cell around its id and its source."""
    cell: dict[str, Any] = {"cell_type": kind, "id": "ID", "metadata": {}, "source": Written("SOURCE")}
    if kind == "code":
        cell |= {"execution_count": None, "outputs": []}
    before, rest = canonical(cell, CELL_DEPTH).split("ID")
    between, after = rest.split("SOURCE")
    return before, between, after


def forget_texts() -> None:
    """Drop the texts that earlier notebooks left in memory; for measurements of a first notebook."""
    _written_cell.cache_clear()
    forget_phrases()
