"""Measured rows priced once, so that a calibration can be tried on all of them at small cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tool.load import Repo
from tool.memory.answer import card_of, price, program_of, sample
from tool.memory.groups import group_of, shapes_of
from tool.memory.measurements import Measurement
from tool.memory.overhead import Calibration, bound_of, context_of, gap_of, held, upper
from tool.memory.resolve import Notes, setup_of
from tool.memory.tape import Vector

METHODS = ("full", "lora", "qlora", "dora")


@dataclass(frozen=True)
class Case:
    """One measured row and what arithmetic says of it (GiB of each moment). `card` is an architecture, `gpu` an id."""

    row: Measurement
    states: Vector
    tokens: Vector
    allocated: float
    shapes: str
    group: str
    expandable: bool
    gpus: int
    usable: float | None
    card: str | None
    gpu: str | None = None

    @property
    def need(self) -> float | None:
        """What the run was seen to need: its allocated peak where that is known, else what was published."""
        return self.row.peak_allocated_gib or self.row.judged_gib


@dataclass(frozen=True)
class Forecast:
    """What a calibration says of a case: GiB, and the verdict (None without a card)."""

    judged: float
    upper: float
    verdict: str | None


def case_of(repo: Repo, row: Measurement) -> Case | None:
    """Price a row; None when nothing is known of its model."""
    notes, request = Notes(), row.request()
    setup = setup_of(repo, request, notes)
    if setup is None:
        return None
    card = card_of(repo, request, Notes())
    points = sample(setup, np.array(float(row.micro_batch or 1)), np.array(float(row.seq_len or 2048)))
    priced = price(program_of(setup), points)
    return Case(
        row,
        priced.states,
        priced.tokens,
        float(priced.allocated),
        shapes_of(setup, request),
        group_of(setup, request, setup.profile_known and not notes.unsure, notes.sized),
        setup.expandable,
        setup.gpus,
        card.usable,
        card.architecture,
        card.id,
    )


def cases_of(repo: Repo, rows: Iterable[Measurement]) -> list[Case]:
    """Price every row of a known method whose micro-batch and length are given."""
    wanted = [row for row in rows if row.method in METHODS and row.micro_batch and row.seq_len]
    return [case for case in (case_of(repo, row) for row in wanted) if case is not None]


def forecast(case: Case, calibration: Calibration) -> Forecast:
    """Apply a calibration to a case."""
    context = context_of(calibration, case.card, case.gpus)
    room = None if case.usable is None else max(0.0, case.usable - context)
    reserved = float(
        held(
            case.states,
            case.tokens,
            0.0 if case.expandable else gap_of(calibration, case.shapes),
            np.array(case.allocated),
            room,
        )
    )
    kind = case.row.peak_kind
    judged = {"reserved": reserved, "nvidia-smi": reserved + context}.get(kind, case.allocated)
    most = float(upper(case.states, case.tokens, bound_of(calibration, case.group, case.gpu), context))
    verdict = None
    if case.usable is not None:
        verdict = "fits" if most <= case.usable else "oom" if case.allocated + context > case.usable else "tight"
    return Forecast(judged, most, verdict)
