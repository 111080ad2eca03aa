"""A trained engine as the recommender asks it: questions in, values with reasons out."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tool.learn.facts import Facts, facts_of_request
from tool.learn.serve import CAUSAL, Engine, Prediction, open_engine
from tool.recommend.laws import Value
from tool.recommend.question import Question


@dataclass(frozen=True)
class Served:
    """`tool.recommend.strategy.Engine` over a `tool.learn.serve.Engine`."""

    engine: Engine

    @property
    def version(self) -> str:
        return self.engine.version

    def strategies(self) -> tuple[str, ...]:
        return self.engine.strategies()

    def best_strategy(self, question: Question) -> str:
        """For an adapter that is still open: the strategy for LoRA, which is tried in any case."""
        adapter = "lora" if question.adapter == "auto" else question.adapter
        return self.engine.best_strategy(facts_of(question, adapter))

    def values(
        self, strategy: str, question: Question, adapter: str, alpha_ratio: float | None = None
    ) -> dict[str, Value]:
        """Values by field. The length and alpha (`alpha_ratio` x rank) are the recommender's own."""
        found = self.engine.values(strategy, facts_of(question, adapter), alpha_ratio)
        return {name: value_of(item) for name, item in found.items() if name not in ("max_length", "lora_alpha_ratio")}

    def confidence(self, question: Question, adapter: str, rate: float, fits: float) -> float:
        return self.engine.confidence(facts_of(question, adapter), rate, fits)

    def peers(self, question: Question, adapter: str) -> tuple[dict[str, tuple[float, float]], list[dict[str, Any]]]:
        """(90 % interval of published choices by field, the nearest recipes); both empty where recipes do not reach."""
        facts = facts_of(question, adapter)
        if facts.model_kind != CAUSAL:
            return {}, []
        spread = {name: (item.low, item.high) for name, item in self.engine.predict(facts).items()}
        kept = ("model", "repository", "link", "likeness", "values")
        return spread, [{name: asdict(item)[name] for name in kept} for item in self.engine.neighbours(facts)]

    def outside(self, question: Question) -> tuple[str, ...]:
        """Why the recipes do not reach this case. A model of the registry is known, whoever published its recipes:
        what decides a learning rate is its size and shape, so its family alone is no reason.
        """
        adapter = "lora" if question.adapter == "auto" else question.adapter
        facts = facts_of(question, adapter)
        known = replace(facts, family=None) if question.subject.exact else facts
        return tuple(self.engine.out_of_distribution(known))


def open_served(root: Path, version: str | None) -> Served | None:
    """The engine of a version, digests checked; None when no version is named. Raises FtcError when it is broken."""
    engine = open_engine(root, version)
    return None if engine is None else Served(engine)


def facts_of(question: Question, adapter: str) -> Facts:
    """What is known before training, as the engine learned it."""
    subject = question.subject
    return facts_of_request(
        {
            "model": subject.name,
            "objective": question.objective,
            "adapter": adapter,
            "task_type": question.task.id,
            "family": subject.family,
            "params_b": subject.parameters / 1e9,
            "hidden_size": subject.architecture.hidden_size,
            "model_kind": subject.kind,
            "rows": question.request.dataset_rows,
            "seq_len": question.seq_len,
            "gpus": question.gpus,
        }
    )


def value_of(item: Prediction) -> Value:
    """The recommender's value with reason. Batch and rank are whole numbers."""
    value = int(item.value) if item.value == int(item.value) and item.value >= 1 else item.value
    return Value(value, item.rule, item.source, item.n, item.low, item.high)
