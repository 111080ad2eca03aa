"""What every model of the registry needs on one card, whatever the card: settings, and memory by length and batch.

The catalogue answers some 400 questions in full. For all others the page has, by model and adapter, the settings that
need no card, and the upper bound of the memory at each length and micro-batch, with checkpointing: what `ftc fit`
says, less the context of the card's architecture, which is added for the card at hand.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from tool.load import Repo, open_repo
from tool.memory import bounds
from tool.memory.overhead import context_of, load_calibration
from tool.recommend import Knowledge, recommend
from tool.recommend.question import Question, ask
from tool.recommend.sizing import first_setup, request_for
from tool.rounding import significant
from tool.schema.gpu import Gpu
from tool.schema.model import Model
from tool.schema.recommendation import Reason, Recommendation, RecommendRequest
from tool.site.answers import Reasons
from tool.site.chunk import Table, chunk

LENGTHS = (512, 1024, 2048, 4096, 8192)
"""Tokens."""
MICRO_BATCHES = (1, 2, 4, 8, 16)
"""Sequences per GPU."""
CHUNK = 48
"""Models that one process prices at a time."""
READ = ("registry/models", "registry/measurements", "registry/engines", "profiles", "policies")
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


@dataclass(frozen=True)
class Need:
    """One model with one adapter: settings, and one row of GiB for each kind of cards."""

    model: str
    adapter: str
    settings: str
    reasons: tuple[Reason, ...]
    memory: tuple[tuple[float, ...], ...]
    confidence: float
    constrained: bool


def needs_of(repo: Repo, knowledge: Knowledge, models: Iterable[str]) -> list[Need]:
    """The needs of some models. Those that share an architecture share the arithmetic."""
    cards = Kinds.read(repo).cards
    known: dict[Hashable, tuple[tuple[float, ...], ...]] = {}
    found = []
    for model in (repo.models[name] for name in models):
        task, adapters = TASKS[kind_of(model)]
        for adapter in adapters:
            answer = recommend(repo, RecommendRequest(model=model.id, task=task, adapter=adapter), knowledge)
            config = answer.config
            key = (model.architecture, model.kind, adapter, config["optim"], config["lora_r"])
            if key not in known:
                known[key] = tuple(_memory(repo, model, task, config, card) for card in cards)
            settings = json.dumps(_settings(answer), sort_keys=True)
            safe = answer.constrained_safe
            found.append(Need(model.id, adapter, settings, answer.reasons, known[key], answer.confidence, safe))
    return found


def _memory(repo: Repo, model: Model, task: str, config: dict[str, Any], card: Gpu) -> tuple[float, ...]:
    """GiB at each length (slowest) and micro-batch (fastest), without the card's context."""
    request = RecommendRequest(model=model.id, task=task, adapter=config["adapter"], gpu=card.id)
    upper = setup_bounds(repo, ask(repo, request), config["optim"], config["lora_r"])
    context = context_of(load_calibration(repo.root), card.architecture, 1)
    return tuple(significant(float(gib) - context, DIGITS) for gib in upper.ravel())


def setup_bounds(repo: Repo, question: Question, optim: str, rank: int | None) -> Any:
    """Upper bounds in GiB with checkpointing, by length and micro-batch."""
    wanted = first_setup(question, question.adapter, optim, rank)
    setup = replace(wanted, gradient_checkpointing=True)
    sizes, lengths = np.array(MICRO_BATCHES, dtype=np.float64), np.array(LENGTHS, dtype=np.float64)
    return bounds(repo, request_for(question, setup), sizes[None, :], lengths[:, None])


def needs_file(repo: Repo, knowledge: Knowledge, jobs: int = 1, backend: str = "loky") -> dict[str, bytes]:
    """`data/needs.js`: by model and adapter, settings, reasons, confidence, and the number of its memory table."""
    key = _inputs(repo, knowledge)
    if key not in _MADE:
        _MADE.clear()
        _MADE[key] = chunk("needs", _document(_all_needs(repo, knowledge, jobs, backend)))
    return dict(_MADE[key])


_MADE: dict[Hashable, dict[str, bytes]] = {}
"""The last file that was made, by the digest of everything it was made from: several plans in one process share it."""


def _inputs(repo: Repo, knowledge: Knowledge) -> Hashable:
    """A digest of every fact, choice and rule, and what was learned from them."""
    total = hashlib.sha256()
    for folder in READ:
        for file in sorted((repo.root / folder).rglob("*.yaml")):
            total.update(f"{file.relative_to(repo.root).as_posix()}\0".encode())
            total.update(hashlib.sha256(file.read_bytes()).digest())
    learned = knowledge.priors.digest if knowledge.priors else None
    return total.hexdigest(), learned, knowledge.engine.version if knowledge.engine else None


def _all_needs(repo: Repo, knowledge: Knowledge, jobs: int, backend: str) -> list[Need]:
    """The needs of the whole registry, in its order, whatever number of processes share the work."""
    names = [model.id for model in repo.models]
    if jobs == 1:
        return needs_of(repo, knowledge, names)
    from joblib import Parallel, delayed

    parts = [names[start : start + CHUNK] for start in range(0, len(names), CHUNK)]
    done = Parallel(n_jobs=jobs, backend=backend)(delayed(_part)(repo.root, knowledge, part) for part in parts)
    return [need for part in done for need in part]


def _part(root: Path, knowledge: Knowledge, names: list[str]) -> list[Need]:
    return needs_of(open_repo(root), knowledge, names)


def _document(needs: list[Need]) -> dict[str, Any]:
    """Everything that repeats, by number."""
    reasons = Reasons()
    settings: Table[str] = Table()
    tables: Table[tuple[tuple[float, ...], ...]] = Table()
    why: Table[tuple[int, ...]] = Table()
    models: dict[str, dict[str, list[Any]]] = {}
    for need in needs:
        numbers = why.number(tuple(reasons.numbers(need.reasons)))
        row = [settings.number(need.settings), numbers, tables.number(need.memory)]
        models.setdefault(need.model, {})[need.adapter] = [*row, need.confidence, int(need.constrained)]
    return {
        "batches": MICRO_BATCHES,
        "lengths": LENGTHS,
        "models": models,
        "settings": [json.loads(value) for value in settings.values()],
        "tables": tables.values(),
        "why": why.values(),
        **reasons.document(),
    }


def kind_of(model: Model) -> str:
    """causal_lm, seq2seq or sequence_classification."""
    return {"encoder": "sequence_classification", "encoder-decoder": "seq2seq"}.get(model.kind, "causal_lm")


def _settings(answer: Recommendation) -> dict[str, Any]:
    """The configuration without what only a card decides."""
    by_card = {"gradient_accumulation_steps", "gradient_checkpointing", "per_device_train_batch_size", "precision"}
    config = {name: value for name, value in answer.config.items() if name not in by_card}
    return config | {"effective_batch_size": answer.effective_batch_size}
