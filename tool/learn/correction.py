"""Measured optima correct imitation: near a model size that was swept, the sweep decides; far from it, recipes do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from tool.learn.facts import TYPICAL_PARAMS_B, Facts
from tool.learn.fields import rule_of_thumb
from tool.learn.outcomes import Curve

# log10 of the parameter ratio at which a measured optimum has lost 40 % of its say: a factor of 2.5 in size. Narrow,
# because one size was swept: how the optimum moves with size is published only for models that were not.
SIZE_SCALE = 0.4
# Exponent of the optimum in the hidden size for the Llama architecture (tinker-cookbook, hyperparam_utils).
WIDTH_EXPONENT = 0.781
IMITATION = 0.25  # experts count as much as a quarter of a measured curve: outcomes outweigh imitation
NOT_BRACKETED = 0.5  # the best of what was tried may lie beyond it
SAME_METHOD, SAME_ADAPTER, OTHER_ADAPTER = 1.0, 0.7, 0.25
_HIDDEN_OF_PARAMS = ((0.135, 576), (0.36, 960), (1.1, 2048), (3.2, 3072), (8.0, 4096), (14.0, 5120), (70.0, 8192))
LARGEST_SHIFT = 1.5  # decades: beyond this a correction is a fault of the sweep and not a finding


@dataclass(frozen=True)
class Optimum:
    """The best rate of one curve, as decades above the rule of thumb for that objective and adapter."""

    model: str
    params_b: float
    hidden_size: int
    task: str
    task_type: str
    objective: str
    method: str
    adapter: str
    lora_r: int | None
    shift: float
    bracketed: bool

    def plain(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Correction:
    """What sweeps say of a case: the rate (log10), how much it counts (0..1), and from how many curves it comes."""

    rate: float
    weight: float
    curves: int
    source: str


def optima(curves: Sequence[Curve]) -> list[Optimum]:
    """One optimum a curve."""
    found = []
    for curve in curves:
        if curve.losses:
            facts = Facts(objective=curve.objective, adapter=curve.adapter)
            found.append(
                Optimum(
                    curve.model,
                    curve.parameters / 1e9,
                    curve.hidden_size,
                    curve.task,
                    curve.task_type,
                    curve.objective,
                    curve.method,
                    curve.adapter,
                    curve.lora_r,
                    round(curve.optimum() - rule_of_thumb(facts), 4),
                    curve.is_bracketed,
                )
            )
    return found


def correct(known: Sequence[Optimum], facts: Facts, lora_r: int | None = None) -> Correction | None:
    """The measured rate for a case, or None where nothing comparable was measured (preference, reinforcement).

    The shift of each optimum above the rule of thumb is carried to the case's width by the published exponent, and
    averaged by likeness of method. It counts K n / (n + IMITATION): n optima (half for one that is not bracketed),
    K falling with the distance in model size.
    """
    if facts.group not in ("sft", "cpt") or facts.model_kind != "causal_lm" or not known:
        return None
    params = facts.params_b or TYPICAL_PARAMS_B
    hidden = facts.hidden_size or typical_hidden(params)
    total, shifted, nearness = 0.0, 0.0, 0.0
    for item in known:
        near = math.exp(-((math.log10(params / item.params_b) / SIZE_SCALE) ** 2) / 2)
        weight = near * _likeness(item, facts, lora_r) * (1.0 if item.bracketed else NOT_BRACKETED)
        total += weight
        shifted += weight * (item.shift + WIDTH_EXPONENT * math.log10(item.hidden_size / hidden))
        nearness = max(nearness, near)
    if total <= 0:
        return None
    shift = min(max(shifted / total, -LARGEST_SHIFT), LARGEST_SHIFT)
    count = sum(1.0 if item.bracketed else NOT_BRACKETED for item in known)
    models = ", ".join(sorted({item.model for item in known}))
    return Correction(
        rule_of_thumb(facts) + shift, nearness * count / (count + IMITATION), len(known), f"sweeps of {models}"
    )


def typical_hidden(params_b: float) -> int:
    """Hidden size that a decoder of this size usually has (Llama and SmolLM2 families), linear between on logs."""
    sizes = _HIDDEN_OF_PARAMS
    if params_b <= sizes[0][0]:
        return sizes[0][1]
    for (small, narrow), (large, wide) in pairwise(sizes):
        if params_b <= large:
            share = math.log(params_b / small) / math.log(large / small)
            middle: int = round(narrow * (wide / narrow) ** share)
            return middle
    return sizes[-1][1]


def _likeness(item: Optimum, facts: Facts, lora_r: int | None) -> float:
    item_adapts = item.adapter != "full"
    if item_adapts != facts.is_adapter:
        return OTHER_ADAPTER
    if not item_adapts or item.lora_r == lora_r:
        return SAME_METHOD
    return SAME_ADAPTER
