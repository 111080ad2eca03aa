"""What every model of the registry needs on one card, whatever the card: settings, and memory by length and batch.

The catalogue answers some 400 questions in full. For all others the page has, by objective, model and adapter, the
settings that need no card, and the upper bound of the memory at each length and micro-batch, with checkpointing: what
`ftc fit` says, less the context of the card's architecture, which is added for the card at hand, after the factor that
runs on that card called for, if any.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from tool.load import Repo, open_repo
from tool.memo import Known, Memo
from tool.memory import bounds
from tool.memory.overhead import context_of, load_calibration
from tool.recommend import Knowledge, recommend
from tool.recommend.question import Hardware, Question, ask
from tool.recommend.sizing import first_setup, request_for
from tool.rounding import significant
from tool.schema.gpu import Gpu
from tool.schema.model import Model
from tool.schema.recommendation import Reason, Recommendation, RecommendRequest
from tool.site.answers import Reasons
from tool.site.chunk import Table, chunk
from tool.work import shares_memory, spread

LENGTHS = (512, 1024, 2048, 4096, 8192)
"""Tokens."""
MICRO_BATCHES = (1, 2, 4, 8, 16)
"""Sequences per GPU."""
CHUNK = 48
"""Models that one process prices at a time."""
READ = ("registry/models", "registry/measurements", "registry/engines", "profiles", "policies")
DIGITS = 6
"""More than the 4 of outputs, since the card's context is added before the sum is shown."""
TASKS: dict[str, dict[str, tuple[str, ...]]] = {
    "causal_lm": {
        "instruction_following": ("full", "lora", "qlora"),
        "preference": ("lora", "qlora"),
        "continued_pretraining": ("lora", "qlora"),
        "reinforcement": ("lora", "qlora"),
    },
    "seq2seq": {"summarization": ("full", "lora")},
    "sequence_classification": {"classification": ("full", "lora")},
}
"""By kind of model, a task for each objective, the usual one first, and the adapters that are priced for it."""


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
    """One model for one task with one adapter: settings, and one row of GiB for each kind of cards."""

    model: str
    task: str
    adapter: str
    settings: str
    reasons: tuple[Reason, ...]
    memory: tuple[tuple[float, ...], ...]
    confidence: float
    constrained: bool

    def plain(self) -> dict[str, Any]:
        """As plain data, for the memo."""
        return {**vars(self), "reasons": [reason.model_dump_json() for reason in self.reasons]}

    @staticmethod
    def of(data: dict[str, Any]) -> Need:
        """The reverse of `plain`, lists as tuples again."""
        memory = tuple(tuple(row) for row in data["memory"])
        return Need(**{**data, "memory": memory, "reasons": tuple(_reason(text) for text in data["reasons"])})


@cache
def _reason(text: str) -> Reason:
    """A reason from its JSON; the same few stand beside thousands of settings."""
    return Reason.model_validate_json(text)


Arithmetic = dict[Hashable, tuple[tuple[float, ...], ...]]


def needs_of(repo: Repo, knowledge: Knowledge, models: Iterable[str]) -> list[Need]:
    """The needs of some models. Those that share an architecture share the arithmetic."""
    return [need for needs, _ in _recorded(repo, knowledge, Kinds.read(repo).cards, models) for need in needs]


def _recorded(
    repo: Repo, knowledge: Knowledge, cards: tuple[Gpu, ...], models: Iterable[str]
) -> list[tuple[list[Need], set[str]]]:
    """The needs of each model, with the records that were used for it beside the cards that stand for all."""
    known, found = Arithmetic(), []
    for name in models:
        with repo.recording() as used:
            found.append((_needs(repo, knowledge, repo.models[name], cards, known), used))
    return found


def _needs(repo: Repo, knowledge: Knowledge, model: Model, cards: tuple[Gpu, ...], known: Arithmetic) -> list[Need]:
    """The needs of one model, by task and adapter. `known` is shared by models of one architecture."""
    found = []
    for task, adapter in ((task, adapter) for task, those in TASKS[kind_of(model)].items() for adapter in those):
        answer = recommend(repo, RecommendRequest(model=model.id, task=task, adapter=adapter), knowledge)
        config = answer.config
        key = (model.architecture, model.kind, task, adapter, config["optim"], config["lora_r"])
        if key not in known:
            known[key] = tuple(_memory(repo, model, task, config, card) for card in cards)
        settings = json.dumps(_settings(answer), sort_keys=True)
        sure, safe = answer.confidence, answer.constrained_safe
        found.append(Need(model.id, task, adapter, settings, answer.reasons, known[key], sure, safe))
    return found


def _memory(repo: Repo, model: Model, task: str, config: dict[str, Any], card: Gpu) -> tuple[float, ...]:
    """GiB at each length (slowest) and micro-batch (fastest), without the context of any card.

    Of the card only its kind counts (`Kinds`): what the arithmetic asks of it is precision and attention.
    """
    question = ask(repo, RecommendRequest(model=model.id, task=task, adapter=config["adapter"]))
    question = replace(question, hardware=Hardware(card, card.usable_gib, 1))
    upper = setup_bounds(repo, question, config["optim"], config["lora_r"])
    context = context_of(load_calibration(repo.root), None, 1)
    return tuple(significant(float(gib) - context, DIGITS) for gib in upper.ravel())


def setup_bounds(repo: Repo, question: Question, optim: str, rank: int | None) -> Any:
    """Upper bounds in GiB with checkpointing, by length and micro-batch, of a process without a card's own context."""
    wanted = first_setup(question, question.adapter, optim, rank)
    setup = replace(wanted, gradient_checkpointing=True)
    sizes, lengths = np.array(MICRO_BATCHES, dtype=np.float64), np.array(LENGTHS, dtype=np.float64)
    request = request_for(question, setup).model_copy(update={"gpu": None})
    return bounds(repo, request, sizes[None, :], lengths[:, None])


def needs_files(
    repo: Repo, knowledge: Knowledge, jobs: int = 1, backend: str = "fork", memo: Memo | None = None
) -> dict[str, bytes]:
    """`data/needs/<objective>.js`: by model and adapter, settings, reasons, confidence, number of the memory table."""
    cards = Kinds.read(repo).cards
    if memo is not None:
        make = partial(_files, repo, knowledge, cards, jobs, backend, memo)
        return memo.made("site/needs", lambda: Known(files=make()), _told(cards)).files
    key = _inputs(repo, knowledge)
    if key not in _MADE:
        _MADE.clear()
        _MADE[key] = _files(repo, knowledge, cards, jobs, backend, None)
    return dict(_MADE[key])


def _files(
    repo: Repo, knowledge: Knowledge, cards: tuple[Gpu, ...], jobs: int, backend: str, memo: Memo | None
) -> dict[str, bytes]:
    groups: dict[str, list[Need]] = {}
    for need in _all_needs(repo, knowledge, cards, repo.models.ids(), jobs, backend, memo):
        groups.setdefault(repo.tasks[need.task].objective, []).append(need)
    files = (chunk(f"needs/{objective}", _document(needs)) for objective, needs in groups.items())
    return {path: content for file in files for path, content in file.items()}


def _told(cards: tuple[Gpu, ...]) -> list[list[bool]]:
    """All that needs depend on of the cards that stand for their kinds."""
    return [[card.bf16, card.flash_attention_2] for card in cards]


_MADE: dict[Hashable, dict[str, bytes]] = {}
"""The last files that were made, by the digest of all they were made from: several plans in one process share them."""


def _inputs(repo: Repo, knowledge: Knowledge) -> Hashable:
    """A digest of every fact, choice and rule, and what was learned from them."""
    total = hashlib.sha256()
    for folder in READ:
        for file in sorted((repo.root / folder).rglob("*.yaml")):
            total.update(f"{file.relative_to(repo.root).as_posix()}\0".encode())
            total.update(hashlib.sha256(file.read_bytes()).digest())
    learned = knowledge.priors.digest if knowledge.priors else None
    return total.hexdigest(), learned, knowledge.engine.version if knowledge.engine else None


def keep_needs(repo: Repo, knowledge: Knowledge, names: list[str], jobs: int, backend: str, memo: Memo) -> None:
    """Make the needs of these models, so that `memo` knows them."""
    _all_needs(repo, knowledge, Kinds.read(repo).cards, names, jobs, backend, memo)


def _all_needs(
    repo: Repo,
    knowledge: Knowledge,
    cards: tuple[Gpu, ...],
    names: list[str],
    jobs: int,
    backend: str,
    memo: Memo | None,
) -> list[Need]:
    """The needs of these models, in their order, whatever number of processes share the work."""
    told = _told(cards)
    known = {name: memo.find(f"site/needs/{name}", told) for name in names} if memo is not None else {}
    todo = [name for name in names if known.get(name) is None]
    made = {name: [Need.of(need) for need in needs.value] for name, needs in known.items() if needs is not None}
    for name, (needs, used) in zip(todo, _shared(repo, knowledge, cards, todo, jobs, backend), strict=True):
        made[name] = needs
        repo.note(used)
        if memo is not None:
            memo.keep(f"site/needs/{name}", Known([need.plain() for need in needs]), used, told)
    return [need for name in names for need in made[name]]


def _shared(
    repo: Repo, knowledge: Knowledge, cards: tuple[Gpu, ...], names: list[str], jobs: int, backend: str
) -> list[tuple[list[Need], set[str]]]:
    if jobs == 1 or len(names) <= CHUNK:
        return _recorded(repo, knowledge, cards, names)
    parts = [names[start : start + CHUNK] for start in range(0, len(names), CHUNK)]
    here = partial(_recorded, repo, knowledge, cards)
    work = here if shares_memory(jobs, backend) else partial(_part, repo.root, knowledge, cards)
    return [item for part in spread(work, parts, jobs, backend) for item in part]


def _part(
    root: Path, knowledge: Knowledge, cards: tuple[Gpu, ...], names: list[str]
) -> list[tuple[list[Need], set[str]]]:
    return _recorded(open_repo(root), knowledge, cards, names)


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
