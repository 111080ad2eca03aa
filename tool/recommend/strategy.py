"""Which step decides the hyperparameters, and what it falls back to when a part is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from tool.recommend.hyperparameters import deterministic
from tool.recommend.laws import OWN_RATE, Value, measured_rank
from tool.recommend.question import Question
from tool.schema.priors import Priors


class Engine(Protocol):
    """What the recommender asks of a trained engine (tool.learn.serve)."""

    @property
    def version(self) -> str: ...

    def strategies(self) -> tuple[str, ...]: ...

    def best_strategy(self, question: Question) -> str: ...

    def values(
        self, strategy: str, question: Question, adapter: str, alpha_ratio: float | None = None
    ) -> dict[str, Value]: ...

    def confidence(self, question: Question, adapter: str, rate: float, fits: float) -> float: ...

    def outside(self, question: Question) -> tuple[str, ...]: ...

    def peers(
        self, question: Question, adapter: str
    ) -> tuple[dict[str, tuple[float, float]], list[dict[str, Any]]]: ...


@dataclass(frozen=True)
class Knowledge:
    """What the recommender has learned: priors from recipes and, where there is one, a trained engine."""

    priors: Priors | None = None
    engine: Engine | None = None
    slot: str | None = None


def decide(question: Question, adapter: str, knowledge: Knowledge) -> tuple[str, dict[str, Value], tuple[str, ...]]:
    """(strategy that decided, values by field, warnings)."""
    strategy, values, notes = _decided(question, adapter, knowledge)
    if "lora_r" in values:
        values = values | {"lora_r": measured_rank(values["lora_r"])}
    return strategy, values, notes


def _decided(question: Question, adapter: str, knowledge: Knowledge) -> tuple[str, dict[str, Value], tuple[str, ...]]:
    wanted = question.request.strategy or "auto"
    base = deterministic(question, adapter, knowledge.priors)
    engine = knowledge.engine
    if wanted == "deterministic" or question.outside:
        return "deterministic", base, ()
    if engine is None:
        missing = f"strategy {wanted} needs a trained engine; answered by deterministic"
        return "deterministic", base, () if wanted == "auto" else (missing,)
    chosen = engine.best_strategy(question) if wanted == "auto" else wanted
    for strategy in (chosen, "hybrid"):
        if strategy in engine.strategies():
            notes = (
                () if strategy == chosen else (f"strategy {chosen} is not in engine {engine.version}; {strategy} used",)
            )
            ratio = base["lora_alpha_ratio"].value if "lora_alpha_ratio" in base else None
            learned = engine.values(strategy, question, adapter, ratio)
            if (
                question.objective,
                adapter,
            ) in OWN_RATE:  # the engine learned preference tuning as one kind, which is DPO's
                learned = {field: value for field, value in learned.items() if field != "learning_rate"}
            return strategy, base | learned, notes
    notes = () if chosen == "deterministic" else (f"strategy {chosen} is not in engine {engine.version}",)
    return "deterministic", base, notes
