"""Confidence: the probability that an expert's learning rate is within a factor of two of ours, and the run fits."""

from __future__ import annotations

import math

from tool.recommend.laws import Value
from tool.schema.fit import FitAnswer

FITS = {"fits": 0.98, "tight": 0.6, "oom": 0.02, "abstain": 0.5}
"""P(the run fits) by verdict; an abstention whose wide bound is still within the card counts as WIDE_FITS."""
WIDE_FITS = 0.9
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


def fit_probability(vram: FitAnswer | None) -> float:
    """P(the run fits); 1 where no hardware was named."""
    if vram is None:
        return 1.0
    return WIDE_FITS if vram.verdict == "abstain" and within_card(vram) else FITS[vram.verdict]


def within_card(vram: FitAnswer) -> bool:
    """Whether the bound, tight or wide, is below what the card has."""
    return vram.upper_gib is not None and vram.usable_gib is not None and vram.upper_gib <= vram.usable_gib


def confidence(rate: Value, vram: FitAnswer | None, constrained_safe: bool) -> float:
    """Probability in 0..1. Without hardware it is that of the learning rate alone; constrained-safe caps it."""
    probability = rate_agreement(rate) * fit_probability(vram)
    return min(probability, CONSTRAINED_CAP) if constrained_safe else probability
