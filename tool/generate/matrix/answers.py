"""Rows of one model: the recommender's own steps, taken once for all cards and lengths that share them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tool.generate.matrix.axes import Axes, Cards
from tool.generate.matrix.columns import Block, Builder
from tool.generate.matrix.sizing import VERDICTS, Sized, Sizer
from tool.learn.many import confidences
from tool.load import Repo
from tool.recommend import Knowledge
from tool.recommend.answer import (
    Draft,
    batch_target,
    config_of,
    decided,
    least_step,
    rank_of,
    reached,
    sequences_per_gpu,
)
from tool.recommend.confidence import CONSTRAINED_CAP, FITS, rate_agreement
from tool.recommend.laws import Value
from tool.recommend.question import Question, ask
from tool.recommend.safety import clamp
from tool.recommend.served import Served, facts_of
from tool.recommend.sizing import Setup, first_setup, wanted_length
from tool.rounding import significant
from tool.schema.recommendation import RecommendRequest

FROM_CONFIG = (
    "learning_rate",
    "num_train_epochs",
    "warmup_ratio",
    "weight_decay",
    "max_grad_norm",
    "lr_scheduler_type",
    "lora_r",
    "lora_alpha",
    "packing",
    "precision",
    "quantization",
)


@dataclass(frozen=True)
class Asked:
    """One (task, adapter, length) of a model as far as no card decides: the question and its hyperparameters."""

    question: Question
    adapter: str
    place: int
    strategy: str
    values: dict[str, Value]


@dataclass(frozen=True)
class Decided:
    """An answer for one group of cards but for its sizing. `sure`: the confidence of its learning rate."""

    asked: Asked
    cards: Cards
    values: dict[str, Value]
    wanted: Setup
    per_gpu: int


def answer_model(repo: Repo, axes: Axes, groups: list[Cards], knowledge: Knowledge, model: str, rows: Builder) -> None:
    """Fill `rows` with every answer of a model, in the order of the axes."""
    asked = list(_asked(repo, axes, knowledge, model))
    lengths = tuple(wanted_length(item.question) for item in asked[: len(axes.lengths)])
    sizer = Sizer(repo, lengths)
    decided_ = [_decided(repo, item, cards) for item in asked for cards in groups if _runs(item, cards)]
    sure = rate_confidences(knowledge, decided_)
    blocks: dict[tuple[str, str], Block] = {}
    for item, confidence in zip(decided_, sure, strict=True):
        key = (item.asked.question.task.id, item.asked.adapter)
        if key not in blocks:
            blocks[key] = rows.block(len(axes.gpus), len(axes.lengths))
        _fill(blocks[key], axes, item, confidence, sizer)


def _runs(asked: Asked, cards: Cards) -> bool:
    return cards.hardware.gpu.bitsandbytes_nf4 or asked.adapter != "qlora"


def _asked(repo: Repo, axes: Axes, knowledge: Knowledge, model: str) -> Iterator[Asked]:
    for task in axes.tasks:
        questions = [
            ask(repo, RecommendRequest(model=model, task=task, gpu=axes.gpus[0], seq_len=length))
            for length in axes.lengths
        ]
        for adapter in axes.adapters:
            for place, question in enumerate(questions):
                question = reached(question.with_adapter(adapter), knowledge)
                strategy, values, _ = decided(question, adapter, knowledge)
                yield Asked(question, adapter, place, strategy, values)


def _decided(repo: Repo, asked: Asked, cards: Cards) -> Decided:
    question = replace(asked.question, hardware=cards.hardware)
    values = clamp(repo, question, asked.adapter, asked.values)
    rank = rank_of(values) if "lora_r" in values else None
    per_gpu = sequences_per_gpu(batch_target(values), question.gpus, least_step(question, values))
    wanted = first_setup(question, asked.adapter, str(values["optim"].value), rank)
    return Decided(replace(asked, question=question), cards, values, wanted, per_gpu)


def rate_confidences(knowledge: Knowledge, items: list[Decided]) -> list[float]:
    """The confidence of each learning rate, whether the run fits left aside; by the engine in one go."""
    rates = [item.values["learning_rate"] for item in items]
    if isinstance(knowledge.engine, Served):
        facts = [facts_of(item.asked.question, item.asked.adapter) for item in items]
        learned = confidences(knowledge.engine.engine, facts, [float(rate.value) for rate in rates])
    else:
        learned = [rate_agreement(rate) for rate in rates]
    plain = [rate_agreement(rate) for rate in rates]
    constrained = [bool(item.asked.question.outside) for item in items]
    return [plain[i] if constrained[i] else learned[i] for i in range(len(items))]


def _fill(block: Block, axes: Axes, item: Decided, sure: float, sizer: Sizer) -> None:
    """One group of cards at one length."""
    asked, question, cards = item.asked, item.asked.question, item.cards
    length = asked.place
    sized = sizer.size(question, cards, item.wanted, item.per_gpu)
    micro = sized.micro_batch[:, length]
    accumulation = np.maximum(1, item.per_gpu // micro)
    constrained = bool(question.outside)
    common = {
        "model": question.subject.name,
        "task": question.task.id,
        "objective": question.objective,
        "adapter": asked.adapter,
        "seq_len": axes.lengths[length],
        "strategy": asked.strategy,
        "constrained_safe": constrained,
        "max_length": item.wanted.max_length,
        "gpu": np.array([block.builder.place_of("gpu", axes.gpus[place]) for place in cards.places]),
        "per_device_train_batch_size": micro,
        "gradient_accumulation_steps": accumulation,
        "effective_batch_size": micro * accumulation * question.gpus,
        "allocated_gib": sized.allocated[:, length],
        "upper_gib": sized.upper[:, length],
        "usable_gib": cards.usable_shown,
    }
    block.fill(cards.places, length, common | _configured(item) | _by_rung(block, sized, length))
    block.fill(cards.places, length, _judged(block, sized, length, sure, constrained))


def _configured(item: Decided) -> dict[str, Any]:
    """The hyperparameters, rounded and derived as in every answer."""
    draft = Draft(item.asked.question, item.asked.strategy, item.values, item.wanted, 1, True, ())
    config = config_of(draft)
    return {name: config.get(name) for name in FROM_CONFIG}


def _by_rung(block: Block, sized: Sized, length: int) -> dict[str, Any]:
    """What the ladder decides."""
    rung = sized.rung[:, length]
    optim = np.array([block.builder.place_of("optim", each.setup.optim) for each in sized.rungs])
    checkpointing = np.array([each.setup.gradient_checkpointing for each in sized.rungs])
    return {"optim": optim[rung], "gradient_checkpointing": checkpointing[rung]}


def _judged(block: Block, sized: Sized, length: int, sure: float, constrained: bool) -> dict[str, Any]:
    """Verdict and confidence: that of the rate times that of fitting, capped where the answer is constrained."""
    verdict = sized.verdict[:, length]
    words = np.array([block.builder.place_of("verdict", word) for word in VERDICTS])
    chances = [sure * FITS[word] for word in VERDICTS]
    capped = [min(chance, CONSTRAINED_CAP) if constrained else chance for chance in chances]
    return {"verdict": words[verdict], "confidence": np.array([significant(chance) for chance in capped])[verdict]}
