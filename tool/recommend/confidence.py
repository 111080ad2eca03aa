"""Confidence: the probability that an expert's learning rate is within a factor of two of ours, and the run fits."""

from __future__ import annotations

import math

from tool.recommend.laws import Value
from tool.schema.fit import FitAnswer

FITS = {"fits": 0.98, "tight": 0.6, "oom": 0.02, "abstain": 0.5}
LAW_AGREEMENT = 0.7
CONSTRAINED_CAP = 0.3
IQR_IN_SIGMA = 1.349


def rate_agreement(value: Value) -> float:
    """P(expert within 2x of ours). From the published quartiles as a log-normal; without them the share of recipes
    that the rule of thumb meets, 0.7 (measured over registry/recipes by repository)."""
    if value.low is None or value.high is None or value.low <= 0 or value.high <= value.low:
        return LAW_AGREEMENT
    sigma = math.log10(value.high / value.low) / IQR_IN_SIGMA
    return max(0.2, math.erf(math.log10(2) / (sigma * math.sqrt(2))))


def confidence(rate: Value, vram: FitAnswer | None, constrained_safe: bool) -> float:
    """Probability in 0..1. Without hardware it is that of the learning rate alone; constrained-safe caps it."""
    probability = rate_agreement(rate) * (FITS[vram.verdict] if vram else 1.0)
    return min(probability, CONSTRAINED_CAP) if constrained_safe else probability
