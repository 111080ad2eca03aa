"""How far telemetry may move an engine by itself: a learning rate by a tenth, a memory bound only upward.

A larger step may be right, but then a person takes it: what was held back stands in the pull request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import product

from tool.learn import artifacts
from tool.learn.facts import Facts
from tool.learn.serve import Engine
from tool.learn.train import FILES
from tool.priors import lookup
from tool.schema.priors import Priors

LARGEST_STEP = 1.10
TASKS = ("instruction_following", "chat", "code", "reasoning", "question_answering", "summarization")
OBJECTIVES = {"preference": ("dpo", "orpo"), "continued_pretraining": ("cpt",), "reinforcement": ("grpo",)}
SIZES_B = (0.5, 1.5, 3.0, 7.0, 14.0, 32.0, 70.0)
ADAPTERS = ("full", "lora", "qlora")
RATE = "learning_rate"

Rates = Callable[[Facts], dict[str, float]]


def panel(families: Iterable[str | None] = (None, "llama", "qwen", "gemma")) -> Iterator[Facts]:
    """Requests whose learning rates are compared: every task, size and adapter, with a few families."""
    asked = [(task, "sft") for task in TASKS]
    asked += [(task, objective) for task, objectives in OBJECTIVES.items() for objective in objectives]
    for (task, objective), adapter, size, family in product(asked, ADAPTERS, SIZES_B, list(families)):
        yield Facts(objective=objective, adapter=adapter, task_type=task, family=family, params_b=size)


def rates_of(priors: Priors, engine: Engine | None) -> Rates:
    """The learning rates of every strategy for a request."""

    def rates(facts: Facts) -> dict[str, float]:
        answer = lookup(priors, facts.task_type, facts.objective, facts.size_bucket, facts.adapter, RATE)  # type: ignore[arg-type]
        found = {"deterministic": float(answer.value)}
        for strategy in ("hybrid", "hybrid_ml") if engine is not None else ():
            assert engine is not None
            value = engine.values(strategy, facts).get(RATE)
            if value is not None:
                found[strategy] = value.value
        return found

    return rates


def engine_of(files: dict[str, bytes], version: str) -> Engine:
    """An engine that is not written yet."""
    tables = artifacts.unpack_tables(files[FILES["tables"]], version)
    return Engine(version, tables, artifacts.unpack_arrays(files[FILES["serving"]], version))


def largest_step(before: Rates, after: Rates, asked: Iterable[Facts]) -> tuple[float, str]:
    """The largest factor between two sets of learning rates, and where it is."""
    worst, place = 1.0, ""
    for facts in asked:
        old, new = before(facts), after(facts)
        for strategy in old.keys() & new.keys():
            factor = max(old[strategy] / new[strategy], new[strategy] / old[strategy])
            if factor > worst:
                where = f"{facts.objective}/{facts.task_type}/{facts.adapter}/{facts.params_b:g}B ({strategy})"
                worst, place = factor, where
    return worst, place
