"""Valid configurations to plant faults into: our own exports, and published ones."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evaluation.lint_report.carrier import Carrier
from tool.architecture.aliases import resolve
from tool.errors import BadRequest
from tool.export import data_of, plan_of
from tool.export.engine import build
from tool.export.files import framework
from tool.lint.known import FRAMEWORKS
from tool.lint.read import Document
from tool.lint.view import Target, view_of
from tool.load import Repo
from tool.recipes.models import canonical_name
from tool.recipes.native import flattened
from tool.recommend import recommend
from tool.recommend.question import ask
from tool.schema.recommendation import RecommendRequest

FILES = {name.replace("-", "_"): name for name in FRAMEWORKS} | {"alignment_handbook": "trl"}
"""File of registry/recipes → framework."""
ASKED: tuple[dict[str, Any], ...] = (
    {"model": "meta-llama/Llama-3.1-8B-Instruct", "objective": "sft", "adapter": "lora", "gpu": "A100-80GB"},
    {"model": "Qwen/Qwen2.5-7B-Instruct", "objective": "sft", "adapter": "qlora", "gpu": "RTX-4090"},
    {"model": "meta-llama/Llama-3.2-1B", "objective": "sft", "adapter": "full", "gpu": "A100-80GB"},
    {"model": "Qwen/Qwen2.5-7B-Instruct", "objective": "dpo", "adapter": "lora", "gpu": "A100-80GB"},
    {"model": "Qwen/Qwen2.5-0.5B", "objective": "cpt", "adapter": "full", "gpu": "A100-80GB"},
    {"model": "Qwen/Qwen2.5-0.5B", "objective": "kto", "adapter": "lora", "gpu": "A100-80GB"},
    {"model": "Qwen/Qwen2.5-1.5B", "objective": "grpo", "adapter": "lora", "gpu": "A100-80GB"},
    {"model": "meta-llama/Llama-3.1-8B-Instruct", "objective": "dpo", "adapter": "full", "gpu": "H100-80GB", "gpus": 8},
)
NOTED = frozenset({"accelerate_config_file", "num_gpus"})
"""What rows note of the launcher under names of their own."""
_CALL = re.compile(r"^[A-Z]\w*(\.\w+)?\.\w+$")
_COMPUTED = re.compile(r"[ (\[]|\w\.\w")


def exported(repo: Repo) -> Iterator[Carrier]:
    """One carrier for each framework and question that it can answer."""
    for asked in ASKED:
        request = RecommendRequest.model_validate(asked)
        question, answer = ask(repo, request), recommend(repo, request)
        data = data_of(question.task, answer.config["objective"], request.dataset_rows)
        plan = plan_of(answer, question.subject.name, data, question.gpus)
        for name in FRAMEWORKS:
            try:
                native = build(framework(name), plan)
            except BadRequest:
                continue
            label = f"{name} {asked['objective']} {asked['adapter']}"
            calls = name == "unsloth"
            options = {"registered": True, "header": f"# start: {native.command}\n"}
            yield Carrier(label, name, dict(native.config), asked["objective"], asked["adapter"], calls, options)


def rows(root: Path, file: str) -> Iterator[tuple[dict[str, Any], Document]]:
    """Published rows of one file, as the documents that their authors' files would give."""
    for line in (root / f"registry/recipes/{file}.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        config = {key: value for key, value in flattened(row["config"]).items() if key not in NOTED}
        calls = any(_CALL.match(key) and not key.startswith("ENV.") for key in config)
        if calls:
            config = {key: _as_read(key, value) for key, value in config.items()}
        yield row, Document(config, calls=calls, command=row.get("command"))


def _as_read(key: str, value: Any) -> Any:
    """Rows hold an expression as its text; the reader of Python files marks it as computed."""
    is_model = key.rsplit(".", 1)[-1] in ("model_name", "pretrained_model_name_or_path", "model_name_or_path", "path")
    is_name = isinstance(value, str) and value.isidentifier() and key.endswith(("rate", "epochs", "size", "steps"))
    is_expression = isinstance(value, str) and not is_model and bool(_COMPUTED.search(value))
    return f"${{{value}}}" if is_name or is_expression else value


def published(repo: Repo, most: int) -> Iterator[Carrier]:
    """Up to `most` published configurations a framework, evenly spread, that our adapter reads whole."""
    for file, name in FILES.items():
        read = (_carrier(repo, name, row, document) for row, document in rows(repo.root, file))
        found = [carrier for carrier in read if carrier is not None]
        step = max(1, len(found) // most)
        yield from found[::step][:most]


def _carrier(repo: Repo, framework: str, row: dict[str, Any], document: Document) -> Carrier | None:
    if document.command and framework == "trl" and not document.command.startswith("trl "):
        return None  # a script of its own: its arguments are not TRL's to judge
    view, unreadable = view_of(framework, document, Target(), row["source"]["path"])
    if unreadable or view.draft is None or view.draft.modality != "text" or view.draft.learning_rate is None:
        return None
    name = canonical_name(view.draft.model) if view.draft.model else None
    options = {"registered": bool(name and resolve(repo, name)), "path": row["source"]["path"]}
    return Carrier(row["id"], framework, dict(document.config), view.objective, view.adapter, document.calls, options)
