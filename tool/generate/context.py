"""What a notebook is told besides the recommendation: names, provenance, and bounds at smaller sizes."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from tool.load import Repo
from tool.memory import bounds
from tool.recommend.hours import estimated_hours
from tool.recommend.question import Question, ask
from tool.recommend.sizing import SHORTEST, Setup, request_for
from tool.recommend.stacks import stack_of
from tool.render.context import NotebookContext, UpperBound
from tool.rounding import significant
from tool.schema.base import ModelKind
from tool.schema.recommendation import Recommendation, RecommendRequest


def notebook_context(repo: Repo, answer: Recommendation, provenance: dict[str, Any]) -> NotebookContext:
    """Context for the notebook of an answer that was sized for a card."""
    question = ask(repo, RecommendRequest.model_validate(answer.request))
    hardware = question.hardware
    place = None
    if hardware and hardware.platform:
        place = f"{hardware.platform.title} ({hardware.plan_name})"
    return NotebookContext(
        model_id=question.subject.name or "your-organisation/your-model",
        task=question.task,
        platform_title=place,
        card_title=hardware.gpu.id if hardware else None,
        gpus=question.gpus,
        stack=stack_of(repo, question),
        provenance=_labels(provenance, answer),
        upper_bounds=smaller_bounds(repo, question, answer),
        model_kind=cast(ModelKind, question.subject.kind),
        parameters=int(question.subject.parameters),
        hours_per_thousand_rows=hours_per_thousand_rows(repo, answer) if hardware else None,
        runtime_limit_hours=hardware.plan.runtime_limit_hours if hardware and hardware.plan else None,
    )


def _labels(provenance: dict[str, Any], answer: Recommendation) -> dict[str, str]:
    labels = {"tool": str(provenance["tool_version"]), "engine": answer.engine or "none (deterministic)"}
    return labels | dict(provenance["sources"])


def smaller_bounds(repo: Repo, question: Question, answer: Recommendation) -> tuple[UpperBound, ...]:
    """The same run at this and smaller micro-batches and lengths: (sequences per GPU, tokens, GiB per GPU)."""
    setup = setup_from(answer)
    micro = _halves(setup.micro_batch, 1)
    lengths = _halves(setup.max_length, min(SHORTEST, setup.max_length))
    grid = np.array([(size, length) for size in micro for length in lengths], dtype=np.float64)
    upper = bounds(repo, request_for(question, setup), grid[:, 0], grid[:, 1])
    return tuple(
        (int(size), int(length), significant(float(gib))) for (size, length), gib in zip(grid, upper, strict=True)
    )


def setup_from(answer: Recommendation) -> Setup:
    """The setup that an answer describes."""
    config = answer.config
    return Setup(
        adapter=config["adapter"],
        max_length=config["max_length"],
        micro_batch=config["per_device_train_batch_size"],
        gradient_checkpointing=config["gradient_checkpointing"],
        optim=config["optim"],
        sharding=config["sharding"],
        precision=config["precision"],
        quantization=config["quantization"],
        attention=config["attn_implementation"],
        packing=config["packing"],
        lora_r=config["lora_r"],
        target_modules=config["target_modules"],
    )


def hours_per_thousand_rows(repo: Repo, answer: Recommendation) -> float | None:
    """Rough hours for one pass over 1,000 rows; None where the card's speed is unknown."""
    request = RecommendRequest.model_validate({**answer.request, "dataset_rows": 1000})
    hours = estimated_hours(ask(repo, request), setup_from(answer), 1.0)
    return None if hours is None else significant(hours, 2)


def _halves(value: int, least: int) -> list[int]:
    found = [value]
    while found[-1] // 2 >= least:
        found.append(found[-1] // 2)
    return found
