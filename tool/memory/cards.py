"""What runs told of one kind of card: how far its need goes beyond the bound, and how little of it is free.

A term rests on several sources: it is what the `SOURCES`-th most needy source needs. Whoever uploads more can so never
lower a term, and fewer than `SOURCES` of them can raise it no further than an honest source would.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tool.memory.cases import Case
from tool.memory.overhead import Calibration, CardTerm, bound_of, context_of

SOURCES = 3
"""Sources that must need a term before it counts; policies/retraining/intake.yaml says when a row becomes evidence."""
LEFT = 0.03
"""Share of a source's runs on a card that a bound may leave out, as the bounds of published rows do."""
LARGEST_NEED = 3.0
"""Beyond this factor it is no property of a card but a fault of the forecast, which people have to mend."""


def card_terms(cases: Sequence[Case], calibration: Calibration, known: Mapping[str, float]) -> dict[str, CardTerm]:
    """Terms by card from rows of telemetry, each of which took the bound of its time by surprise.

    `known`: GiB that a process gets by the card's profile; only less is learned.
    """
    by_card: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        if case.gpu is not None:
            by_card[case.gpu].append(case)
    found = {card: _term(members, calibration, known[card]) for card, members in sorted(by_card.items())}
    return {card: term for card, term in found.items() if term is not None}


def _term(cases: Sequence[Case], calibration: Calibration, known: float) -> CardTerm | None:
    told: dict[str, list[tuple[float, float]]] = defaultdict(list)
    free: dict[str, float] = {}
    for case in cases:
        source = str(case.row.source.get("repo_or_title"))
        told[source].append((needed(case, calibration), share_of(case.row.source)))
        if case.usable is not None and case.usable < known:
            free[source] = min(free.get(source, known), case.usable)
    if len(told) < SOURCES:
        return None
    needs = sorted(max(1.0, covering(pairs)) for pairs in told.values())
    need = min(needs[-SOURCES], LARGEST_NEED)
    usable = sorted(free.values())[SOURCES - 1] if len(free) >= SOURCES else None
    if need == 1.0 and usable is None:
        return None
    return CardTerm(need=float(np.ceil(need * 1000) / 1000), usable_gib=usable, rows=len(cases), sources=len(told))


def share_of(source: Mapping[str, Any]) -> float:
    """The share of its source's runs on the card that a row stands for; all of them where it does not say."""
    return float(source.get("runs", 1)) / max(1.0, float(source.get("of", 1)))


def covering(pairs: Sequence[tuple[float, float]]) -> float:
    """The need that at most `LEFT` of the runs exceed, from (need, share of runs) pairs; 0 where all are so few."""
    above = 0.0
    for need, share in sorted(pairs, reverse=True):
        above += share
        if above > LEFT:
            return need
    return 0.0


def needed(case: Case, calibration: Calibration) -> float:
    """The factor on the bound that would have covered a run; for one out of memory, that would have refused it."""
    bound = bound_of(calibration, case.group)
    most = float(np.max(bound.states * case.states + bound.tokens * case.tokens))
    if case.row.outcome == "oom":
        context = context_of(calibration, case.card, case.gpus)
        return max(0.0, (case.usable or 0.0) - context) / most * (1.0 + 1e-3)
    return (case.need or 0.0) / most
