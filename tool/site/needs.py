"""What every model of the registry needs on one card, whatever the card: settings, and memory by length and batch.

The catalogue answers some 400 questions in full. For all others the page has, by model and adapter, the settings that
need no card, and the upper bound of the memory at each length and micro-batch, with checkpointing: what `ftc fit`
says, less the context of the card's architecture, which is added for the card at hand.
"""

from __future__ import annotations

import json
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tool.load import Repo
from tool.memory import bounds
from tool.memory.overhead import context_of, load_calibration
from tool.recommend import Knowledge, recommend
from tool.recommend.question import Question, ask
from tool.recommend.sizing import first_setup, request_for
from tool.rounding import significant
from tool.schema.gpu import Gpu
from tool.schema.model import Model
from tool.schema.recommendation import Recommendation, RecommendRequest
from tool.site.answers import Reasons
from tool.site.chunk import Table, chunk

LENGTHS = (512, 1024, 2048, 4096, 8192)
"""Tokens."""
MICRO_BATCHES = (1, 2, 4, 8, 16)
"""Sequences per GPU."""
DIGITS = 6
"""More than the 4 of outputs, since the card's context is added before the sum is shown."""
TASKS = {
    "causal_lm": ("instruction_following", ("full", "lora", "qlora")),
    "seq2seq": ("summarization", ("full", "lora")),
    "sequence_classification": ("classification", ("full", "lora")),
}
"""The task that stands for a kind of model, and the adapters that are priced for it."""


@dataclass(frozen=True)
class Kinds:
    """Cards that train alike, apart from their context: number of the kind → the card that stands for it."""

    of: dict[str, int]
    cards: tuple[Gpu, ...]

    @staticmethod
    def read(repo: Repo) -> Kinds:
        """Kinds by what decides the arithmetic type and the attention kernel: bf16 and FlashAttention-2."""
        table: Table[tuple[bool, bool]] = Table()
        first: dict[int, Gpu] = {}
        of: dict[str, int] = {}
        for gpu in sorted(repo.gpus, key=lambda gpu: (not gpu.bf16, not gpu.flash_attention_2, gpu.vendor != "nvidia")):
            of[gpu.id] = table.number((gpu.bf16, gpu.flash_attention_2))
            first.setdefault(of[gpu.id], gpu)
        return Kinds(of, tuple(first.values()))


class Needs:
    """Memory tables by everything that they depend on: many models share an architecture."""

    def __init__(self, repo: Repo, kinds: Kinds) -> None:
        self.repo = repo
        self.kinds = kinds
        self.tables: Table[tuple[tuple[float, ...], ...]] = Table()
        self._known: dict[Hashable, int] = {}

    def number(self, model: Model, task: str, answer: Recommendation) -> int:
        """The number of the table of a model under these settings: one row a kind of cards."""
        config = answer.config
        key = (model.architecture, model.kind, task, config["adapter"], config["optim"], config["lora_r"])
        if key not in self._known:
            rows = tuple(self._row(model, task, answer, card) for card in self.kinds.cards)
            self._known[key] = self.tables.number(rows)
        return self._known[key]

    def _row(self, model: Model, task: str, answer: Recommendation, card: Gpu) -> tuple[float, ...]:
        """GiB at each length (slowest) and micro-batch (fastest), without the card's context."""
        config = answer.config
        request = RecommendRequest(model=model.id, task=task, adapter=config["adapter"], gpu=card.id)
        upper = setup_bounds(self.repo, ask(self.repo, request), config["optim"], config["lora_r"])
        context = context_of(load_calibration(self.repo.root), card.architecture, 1)
        return tuple(significant(float(gib) - context, DIGITS) for gib in upper.ravel())


def setup_bounds(repo: Repo, question: Question, optim: str, rank: int | None) -> Any:
    """Upper bounds in GiB with checkpointing, by length and micro-batch."""
    wanted = first_setup(question, question.adapter, optim, rank)
    setup = replace(wanted, gradient_checkpointing=True)
    sizes, lengths = np.array(MICRO_BATCHES, dtype=np.float64), np.array(LENGTHS, dtype=np.float64)
    return bounds(repo, request_for(question, setup), sizes[None, :], lengths[:, None])


def needs_file(repo: Repo, knowledge: Knowledge) -> dict[str, bytes]:
    """`data/needs.js`: by model and adapter, settings, confidence, reasons, and the number of its memory table."""
    kinds = Kinds.read(repo)
    needs, reasons = Needs(repo, kinds), Reasons()
    settings: Table[str] = Table()
    why: Table[tuple[int, ...]] = Table()
    models: dict[str, dict[str, list[Any]]] = {}
    for model in repo.models:
        task, adapters = TASKS[kind_of(model)]
        for adapter in adapters:
            answer = recommend(repo, RecommendRequest(model=model.id, task=task, adapter=adapter), knowledge)
            row = [settings.number(json.dumps(_settings(answer), sort_keys=True))]
            row += [why.number(tuple(reasons.numbers(answer.reasons))), needs.number(model, task, answer)]
            models.setdefault(model.id, {})[adapter] = [*row, answer.confidence, int(answer.constrained_safe)]
    document = {
        "batches": MICRO_BATCHES,
        "lengths": LENGTHS,
        "models": models,
        "settings": [json.loads(value) for value in settings.values()],
        "tables": needs.tables.values(),
        "why": why.values(),
        **reasons.document(),
    }
    return chunk("needs", document)


def kind_of(model: Model) -> str:
    """causal_lm, seq2seq or sequence_classification."""
    return {"encoder": "sequence_classification", "encoder-decoder": "seq2seq"}.get(model.kind, "causal_lm")


def _settings(answer: Recommendation) -> dict[str, Any]:
    """The configuration without what only a card decides."""
    by_card = {"gradient_accumulation_steps", "gradient_checkpointing", "per_device_train_batch_size", "precision"}
    config = {name: value for name, value in answer.config.items() if name not in by_card}
    return config | {"effective_batch_size": answer.effective_batch_size}
