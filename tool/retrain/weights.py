"""What one source may weigh, so that nobody outvotes the others by uploading more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def capped(counts: Mapping[int, int], share: float) -> dict[int, float]:
    """Weights of sources: their counts, cut so that none has more than `share` of the sum.

    With fewer than 1/share sources the least possible share is 1/n: then all weigh the same.
    """
    ordered = sorted(count for count in counts.values() if count > 0)
    below = 0.0
    cap = float(ordered[0]) if ordered else 0.0
    for index, count in enumerate(ordered):
        above = len(ordered) - index
        if above * share >= 1.0:
            cap = float(count)
        elif index:
            cap = max(cap, min(float(count), share * below / (1.0 - above * share)))
        below += count
    return {source: min(float(count), cap) for source, count in counts.items()}


def weighted_median(values: Sequence[tuple[float, float]]) -> float | None:
    """The value at half of the weight; pairs are (value, weight). None without weight."""
    ordered = sorted(pair for pair in values if pair[1] > 0)
    half = sum(weight for _, weight in ordered) / 2.0
    reached = 0.0
    for value, weight in ordered:
        reached += weight
        if reached >= half:
            return value
    return None
