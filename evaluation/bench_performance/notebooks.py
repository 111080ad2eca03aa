"""Notebooks a second beside the floor: dumping, validating and writing the same documents, and nothing else."""

from __future__ import annotations

import gc
import importlib
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tool.generate.context import notebook_context
from tool.generate.entries import entries
from tool.load import Repo
from tool.recommend import recommend
from tool.recommend.knowledge import fresh_knowledge
from tool.render import forget_texts, notebook
from tool.render.context import NotebookContext
from tool.schema.recommendation import Recommendation

MOST = 200
"""Notebooks of the catalogue that are measured."""
ROUNDS = 5
"""The fastest of so many passes counts: everything slower was something else on the machine."""


@dataclass(frozen=True)
class Notebooks:
    """CPU seconds of a notebook, by way of making it."""

    count: int
    ours: float
    floor: float
    nbformat: float


def measure(repo: Repo, folder: Path) -> Notebooks:
    """Rendered, validated and written; the floor on the same documents; and cells built by nbformat."""
    knowledge = fresh_knowledge(repo)
    items: list[tuple[Recommendation, NotebookContext]] = []
    for entry in entries(repo):
        answer = recommend(repo, entry.request(), knowledge)
        if answer.vram is not None and answer.vram.verdict == "fits" and len(items) < MOST:
            items.append((answer, notebook_context(repo, answer, {"tool_version": "0", "sources": {}})))
    check, path = validator(), folder / "book.ipynb"
    documents = [json.loads(notebook(*item)) for item in items]

    def ours(pair: Any) -> None:
        item, document = pair
        content = notebook(*item)
        check(document)
        path.write_bytes(content)

    def floor(document: Any) -> None:
        text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"
        check(document)
        path.write_bytes(text.encode())

    def built(document: Any) -> None:
        floor(by_nbformat(document))

    pairs = zip(items, documents, strict=True)
    return Notebooks(len(items), each(ours, pairs, forget_texts), each(floor, documents), each(built, documents))


def validator() -> Callable[[Any], Any]:
    """The schema of nbformat 4.5, compiled."""
    import fastjsonschema
    import nbformat

    schema = (Path(nbformat.__file__).parent / "v4" / "nbformat.v4.5.schema.json").read_text()
    compiled: Callable[[Any], Any] = fastjsonschema.compile(json.loads(schema))
    return compiled


def by_nbformat(document: dict[str, Any]) -> Any:
    """The same notebook through `nbformat.v4.new_*_cell`, which validates every cell that it makes."""
    v4: Any = importlib.import_module("nbformat.v4")
    makers = {"code": v4.new_code_cell, "markdown": v4.new_markdown_cell}
    made = [
        makers[cell["cell_type"]](source="".join(cell["source"]), id=cell["id"], metadata=cell["metadata"])
        for cell in document["cells"]
    ]
    return v4.new_notebook(cells=made, metadata=document["metadata"])


def each(act: Callable[[Any], None], items: Iterable[Any], before: Callable[[], None] = lambda: None) -> float:
    """CPU seconds of one item, the fastest of ROUNDS passes after one that warms up. `before` each pass, unmeasured."""
    known, passes = list(items), []
    for _ in range(ROUNDS + 1):
        before()
        gc.collect()
        gc.disable()  # as `ftc generate` runs; else a pass pays for the heap of this benchmark
        start = time.process_time()
        for item in known:
            act(item)
        passes.append((time.process_time() - start) / len(known))
        gc.enable()
    return min(passes[1:])
