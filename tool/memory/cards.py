"""What runs told of one kind of card: how far its need goes beyond the bound, and how little of it is free.

A term rests on several sources: it is what the `SOURCES`-th most needy source needs. Whoever uploads more can so never
lower a term, and fewer than `SOURCES` of them can raise it no further than an honest source would.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from tool.memory.cases import Case
from tool.memory.overhead import Calibration, CardTerm, bound_of, context_of

SOURCES = 3
"""Sources that must need a term before it counts; policies/retraining/intake.yaml says when a row becomes evidence."""
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
    needs: dict[str, float] = defaultdict(lambda: 1.0)
    free: dict[str, float] = {}
    for case in cases:
        source = str(case.row.source.get("repo_or_title"))
        needs[source] = max(needs[source], needed(case, calibration))
        if case.usable is not None and case.usable < known:
            free[source] = min(free.get(source, known), case.usable)
    if len(needs) < SOURCES:
        return None
    need = min(sorted(needs.values())[-SOURCES], LARGEST_NEED)
    usable = sorted(free.values())[SOURCES - 1] if len(free) >= SOURCES else None
    return CardTerm(need=float(np.ceil(need * 1000) / 1000), usable_gib=usable, rows=len(cases), sources=len(needs))


def needed(case: Case, calibration: Calibration) -> float:
    """The factor on the bound that would have covered a run; for one out of memory, that would have refused it."""
    bound = bound_of(calibration, case.group)
    most = float(np.max(bound.states * case.states + bound.tokens * case.tokens))
    if case.row.outcome == "oom":
        context = context_of(calibration, case.card, case.gpus)
        return max(0.0, (case.usable or 0.0) - context) / most * (1.0 + 1e-3)
    return (case.need or 0.0) / most
