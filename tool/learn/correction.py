"""Measured optima correct imitation: near a model size that was swept, the sweep decides; far from it, recipes do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tool.learn.facts import TYPICAL_PARAMS_B, Facts
from tool.learn.fields import rule_of_thumb
from tool.learn.outcomes import Curve

Floats = NDArray[np.float64]

# log10 of the parameter ratio at which a measured optimum has lost 40 % of its say: towards larger models, where
# experts publish, a factor of 2.5, and of 4 within the architecture whose published law meets the measured optimum;
# towards smaller ones, where hardly anybody publishes, a factor of 10.
LARGER_SCALE, LARGER_SCALE_LLAMA, SMALLER_SCALE = 0.4, 0.6, 1.0
# Exponent of the optimum in the hidden size for the Llama architecture (tinker-cookbook, hyperparam_utils).
WIDTH_EXPONENT = 0.781
# The published exponents, 0.781 of Llama and 0.0775 of Qwen, part by 0.38 decades at the width that was swept, of a
# measured shift of 0.9: that much of it is doubtful for an architecture other than the swept one.
OTHER_FAMILY = 0.6
LLAMA_LIKE = frozenset({"llama", "smollm", "mistral"})
IMITATION = 0.25  # experts count as much as a quarter of a measured curve: outcomes outweigh imitation
NOT_BRACKETED = 0.5  # the best of what was tried may lie beyond it
_HIDDEN_OF_PARAMS = ((0.135, 576), (0.36, 960), (1.1, 2048), (3.2, 3072), (8.0, 4096), (14.0, 5120), (70.0, 8192))
LARGEST_SHIFT = 1.5  # decades: beyond this a correction is a fault of the sweep and not a finding
TYPICAL_RANK, TYPICAL_RATIO = 16, 2.0
# Terms of an optimum's shift in decades with their prior (mean, standard deviation), before any sweep spoke: a level;
# adapters beyond their ten times; the fall with the rank (alpha / sqrt(rank) keeps the update's size: rsLoRA,
# Kalajdzievski 2023, arXiv 2312.03732) and with alpha / rank (between the square root and all of it); whole texts.
PRIOR = ((0.0, 1.5), (0.0, 0.3), (0.5, 0.15), (0.75, 0.25), (0.0, 0.15))
SCATTER = 0.12  # decades: how far the optima of one method lie apart from task to task in the sweeps


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
    alpha_ratio: float = TYPICAL_RATIO

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
                    curve.alpha_ratio,
                )
            )
    return found


def correct(
    known: Sequence[Optimum], facts: Facts, lora_r: float | None = None, alpha_ratio: float | None = None
) -> Correction | None:
    """The measured rate for a case, or None where nothing comparable was measured (preference, reinforcement).

    Optima, as shifts above the rule of thumb carried to the case's width, are explained by the terms of PRIOR (a
    Bayesian linear regression), which then speak of the case. They count K n / (n + IMITATION): n optima (half for
    one that is not bracketed), K falling with the distance in model size and for another architecture.
    """
    if facts.group not in ("sft", "cpt") or facts.model_kind != "causal_lm" or not known:
        return None
    params = facts.params_b or TYPICAL_PARAMS_B
    hidden = facts.hidden_size or typical_hidden(params)
    near = np.array([nearness(item, params, facts.family) for item in known])
    trust = near * np.array([1.0 if item.bracketed else NOT_BRACKETED for item in known])
    if trust.max() <= 0:
        return None
    shifts = np.array([item.shift + WIDTH_EXPONENT * math.log10(item.hidden_size / hidden) for item in known])
    rows = np.array([terms(i.adapter != "full", i.lora_r, i.alpha_ratio, i.objective == "cpt") for i in known])
    case = terms(facts.is_adapter, lora_r, alpha_ratio, facts.group == "cpt")
    shift = float(case @ regress(rows, shifts, trust / trust.max()))
    shift = min(max(shift, -LARGEST_SHIFT), LARGEST_SHIFT)
    count = sum(1.0 if item.bracketed else NOT_BRACKETED for item in known)
    models = ", ".join(sorted({item.model for item in known}))
    weight = float(near.max()) * count / (count + IMITATION)
    return Correction(rule_of_thumb(facts) + shift, weight, len(known), f"sweeps of {models}")


def nearness(item: Optimum, params_b: float, family: str | None) -> float:
    """How much a sweep says of a model, 0..1: 1 at the size and architecture that was swept."""
    alike = family in LLAMA_LIKE
    gap = math.log10(params_b / item.params_b)
    scale = SMALLER_SCALE if gap < 0 else LARGER_SCALE_LLAMA if alike else LARGER_SCALE
    return math.exp(-((gap / scale) ** 2) / 2) * (1.0 if alike else OTHER_FAMILY)


def terms(adapts: bool, lora_r: float | None, alpha_ratio: float | None, whole_text: bool) -> Floats:
    """One case in the terms of PRIOR."""
    rank, ratio = lora_r or TYPICAL_RANK, alpha_ratio or TYPICAL_RATIO
    by_rank, by_ratio = -math.log10(rank / TYPICAL_RANK), -math.log10(ratio / TYPICAL_RATIO)
    return np.array([1.0, adapts, adapts * by_rank, adapts * by_ratio, whole_text], dtype=np.float64)


def regress(rows: Floats, values: Floats, trust: Floats) -> Floats:
    """Posterior mean of the terms: a normal prior, normal scatter around the line, rows trusted 0..1."""
    mean, spread = (np.array(column) for column in zip(*PRIOR, strict=True))
    precision = np.diag(1 / spread**2) + (rows * (trust / SCATTER**2)[:, None]).T @ rows
    pull = mean / spread**2 + rows.T @ (values * trust / SCATTER**2)
    found: Floats = np.linalg.solve(precision, pull)
    return found


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
