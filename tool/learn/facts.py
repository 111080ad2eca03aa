"""What is known before training starts, and its numbers for the learned parts: one builder for training and serving."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tool.recipes.models import family_of
from tool.schema.recipe import Recipe

PREFERENCE = frozenset({"dpo", "orpo", "kto", "simpo"})
TASKS = ("chat", "code", "reasoning", "question_answering", "instruction_following")
FAMILIES = ("llama", "qwen", "mistral", "gemma", "phi", "internlm", "deepseek")
TYPICAL_PARAMS_B = 7.0  # the most frequent size among published recipes; stands in where nobody says a size
TYPICAL_LENGTH = 2048  # tokens, likewise
_INSTRUCT = ("instruct", "chat", "-it", "rlhf", "dpo", "sft")

COLUMNS = (
    "full",
    "qlora",
    "preference",
    "grpo",
    "cpt",
    "log10_params",
    "params_known",
    "instruct",
    *(f"task_{name}" for name in TASKS),
    *(f"family_{name}" for name in FAMILIES),
    "log2_length",
    "length_known",
    "log2_gpus",
)


@dataclass(frozen=True)
class Facts:
    """One case before it is trained. `params_b` is total parameters in billions, `seq_len` tokens; None = not said.

    `hidden_size` is features, `rows` data set rows. Nothing here is chosen by the recommender.
    """

    objective: str
    adapter: str
    task_type: str = "unknown"
    family: str | None = None
    params_b: float | None = None
    hidden_size: int | None = None
    model_kind: str = "causal_lm"
    instruct: bool = False
    rows: int | None = None
    seq_len: int | None = None
    gpus: int | None = None

    @property
    def group(self) -> str:
        """Objective as far as learning rates tell them apart: sft, cpt, grpo or preference."""
        return "preference" if self.objective in PREFERENCE else self.objective

    @property
    def is_adapter(self) -> bool:
        return self.adapter != "full"

    @property
    def size_bucket(self) -> str:
        params = self.params_b or TYPICAL_PARAMS_B
        return "small" if params < 1 else "medium" if params < 8 else "large"


def facts_of_recipe(recipe: Recipe) -> Facts:
    """The facts of a published recipe: what its author knew before choosing."""
    return Facts(
        objective=recipe.objective,
        adapter=recipe.adapter,
        task_type=recipe.task_type,
        family=recipe.family,
        params_b=recipe.params_b,
        instruct=is_instruct(recipe.model),
        seq_len=recipe.max_length,
        gpus=recipe.gpus,
    )


def facts_of_request(request: Mapping[str, Any]) -> Facts:
    """The facts of a request, from plain data under the names of `Facts`; unknown names are an error.

    `model` (an id) may stand beside them: family and instruction tuning are read from it as they are for recipes.
    """
    values = dict(request)
    name = values.pop("model", None)
    values.setdefault("instruct", is_instruct(name))
    values["family"] = (family_of(name) if name else None) or values.get("family")
    return Facts(**values)


def is_instruct(name: str | None) -> bool:
    """True for a model that was already tuned to follow instructions, by its published name."""
    return any(mark in (name or "").lower() for mark in _INSTRUCT)


def vector(facts: Facts) -> list[float]:
    """The numbers of `COLUMNS`, in order."""
    return [
        float(not facts.is_adapter),
        float(facts.adapter == "qlora"),
        float(facts.group == "preference"),
        float(facts.group == "grpo"),
        float(facts.group == "cpt"),
        math.log10(facts.params_b or TYPICAL_PARAMS_B),
        float(facts.params_b is not None),
        float(facts.instruct),
        *(float(facts.task_type == name) for name in TASKS),
        *(float(facts.family == name) for name in FAMILIES),
        math.log2(facts.seq_len or TYPICAL_LENGTH),
        float(facts.seq_len is not None),
        math.log2(facts.gpus or 1),
    ]


def matrix(cases: Iterable[Facts]) -> NDArray[np.float64]:
    """One row a case."""
    return np.array([vector(facts) for facts in cases], dtype=np.float64).reshape(-1, len(COLUMNS))
