"""How far telemetry may move an engine by itself: a learning rate by a tenth, a memory bound only upward.

A larger step may be right, but then a person takes it: what was held back stands in the pull request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import product
from typing import Any

from tool.learn import artifacts
from tool.learn.facts import Facts, facts_of_recipe
from tool.learn.serve import Engine
from tool.learn.train import FILES
from tool.priors import lookup
from tool.schema.priors import Priors
from tool.schema.recipe import Recipe

LARGEST_STEP = 1.10
LARGEST_FACTOR = 3.0
ECHO = 1.02
TASKS = ("instruction_following", "chat", "code", "reasoning", "question_answering", "summarization")
OBJECTIVES = {"preference": ("dpo", "orpo"), "continued_pretraining": ("cpt",), "reinforcement": ("grpo",)}
SIZES_B = (0.5, 1.5, 3.0, 7.0, 14.0, 32.0, 70.0)
ADAPTERS = ("full", "lora", "qlora")
RATE = "learning_rate"

Rates = Callable[[Facts], float]


def panel(families: Iterable[str | None] = (None, "llama", "qwen", "gemma")) -> Iterator[Facts]:
    """Requests whose learning rates are compared: every task, size and adapter, with a few families."""
    asked = [(task, "sft") for task in TASKS]
    asked += [(task, objective) for task, objectives in OBJECTIVES.items() for objective in objectives]
    for (task, objective), adapter, size, family in product(asked, ADAPTERS, SIZES_B, list(families)):
        yield Facts(objective=objective, adapter=adapter, task_type=task, family=family, params_b=size)


def rates_of(priors: Priors, engine: Engine) -> Rates:
    """The learning rate that is recommended for a request, by the strategy that the engine's evidence favours."""

    def rate(facts: Facts) -> float:
        strategy = engine.best_strategy(facts)
        learned = engine.values(strategy, facts).get(RATE)
        return learned.value if learned is not None else prior_rate(priors, facts)

    return rate


def prior_rate(priors: Priors, facts: Facts) -> float:
    """The learning rate of the priors alone."""
    answer = lookup(priors, facts.task_type, facts.objective, facts.size_bucket, facts.adapter, RATE)  # type: ignore[arg-type]
    return float(answer.value)


def worth_learning(recipes: Iterable[dict[str, Any]], known: Mapping[str, Recipe], priors: Priors) -> list[str]:
    """Ids of telemetry's recipes that say something new and credible.

    A rate that we recommended ourselves is an echo, and one beyond a factor of three of careful people is no evidence.
    """
    kept = []
    for row in recipes:
        recipe = known.get(str(row["id"]))
        if recipe is None or not recipe.learning_rate:
            continue
        factor = recipe.learning_rate / prior_rate(priors, facts_of_recipe(recipe))
        if 1 / LARGEST_FACTOR <= factor <= LARGEST_FACTOR and not 1 / ECHO <= factor <= ECHO:
            kept.append(recipe.id)
    return kept


def engine_of(files: dict[str, bytes], version: str) -> Engine:
    """An engine that is not written yet."""
    tables = artifacts.unpack_tables(files[FILES["tables"]], version)
    return Engine(version, tables, artifacts.unpack_arrays(files[FILES["serving"]], version))


def largest_step(before: Rates, after: Rates, asked: Iterable[Facts]) -> tuple[float, str]:
    """The largest factor between two sets of learning rates, and where it is."""
    worst, place = 1.0, ""
    for facts in asked:
        old, new = before(facts), after(facts)
        factor = max(old / new, new / old)
        if factor > worst:
            worst, place = factor, f"{facts.objective}/{facts.task_type}/{facts.adapter}/{facts.params_b:g}B"
    return worst, place
