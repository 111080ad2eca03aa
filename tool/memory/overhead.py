"""From what tensors take to what the allocator holds, what the driver shows, and the bound on what a run needs.

registry/measurements/calibration.yaml holds the few numbers that no arithmetic sees, fitted on published runs by
`python -m tool.memory.calibrate`. Memory that comes with the tokens of a step is freed and taken again, so it leaves
gaps in the allocator's cache; weights and states do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
from pydantic import Field

from tool.load.records import read_record
from tool.memory.groups import KINDS
from tool.memory.tape import Vector
from tool.schema.base import Record

PATH = "registry/measurements/calibration.yaml"


class Bound(Record):
    """Upper bound of one group: `tokens` multiplies what comes with the tokens, `states` everything else."""

    tokens: float = Field(ge=1.0)
    states: float = Field(ge=1.0)
    rows: int = Field(ge=0)


class CardTerm(Record):
    """What runs told of one card: `need` multiplies its bounds, `usable_gib` is free of it (GiB; None: as known)."""

    need: float = Field(ge=1.0)
    usable_gib: float | None = Field(default=None, gt=0)
    rows: int = Field(ge=0)
    sources: int = Field(ge=1)


class Calibration(Record):
    """What no arithmetic sees.

    `context_gib`: CUDA context, by architecture of the card. `collective_gib`: buffers of the communication library
    per process when several GPUs take part. `gaps`: cached but unused share of the memory that comes with the tokens,
    by whether the batches of a run differ in length. `bounds`: by group (tool/memory/groups.py). `cards`: by id, where
    runs on a card took its bound by surprise (tool/memory/cards.py).
    """

    command: str
    rows: int
    context_gib: dict[str, float]
    collective_gib: float
    gaps: dict[str, float]
    bounds: dict[str, Bound]
    cards: dict[str, CardTerm] = {}


@lru_cache(maxsize=8)
def load_calibration(root: Path) -> Calibration:
    """The committed calibration. Raises InputFaults when it is missing or broken."""
    return read_record(root, PATH, Calibration)


def context_of(calibration: Calibration, architecture: str | None, gpus: int) -> float:
    """GiB of the process beside the allocator: the context, and communication buffers with several GPUs."""
    table = calibration.context_gib
    context = table.get((architecture or "default").casefold(), table["default"])
    return context + (calibration.collective_gib if gpus > 1 else 0.0)


def held(states: Vector, tokens: Vector, gap: float, allocated: Vector, room: float | None) -> Vector:
    """What the allocator holds: the largest moment with its gaps, never more than the card has room for.

    `states`, `tokens`: bytes or GiB of each moment (last axis). Near the limit the allocator gives cached blocks back
    and tries again, so the gaps close. `room`: GiB of the card without the context.
    """
    reserved: Vector = np.max(states + (1.0 + gap) * tokens, axis=-1)
    if room is not None:
        reserved = np.minimum(reserved, room)
    return np.maximum(allocated, reserved)


def _nearest(name: str, known: Mapping[str, object]) -> str | None:
    """The name itself, or the nearest kind of shapes with evidence, the tidier one first."""
    if name in known:
        return name
    if name not in KINDS:
        return None
    place = KINDS.index(name)
    order = sorted(KINDS, key=lambda kind: (abs(KINDS.index(kind) - place), KINDS.index(kind)))
    return next((kind for kind in order if kind in known), None)


def gap_of(calibration: Calibration, shapes: str) -> float:
    """Cached but unused share of the memory that comes with the tokens."""
    name = _nearest(shapes, calibration.gaps)
    return calibration.gaps[name] if name else 0.0


def bound_of(calibration: Calibration, group: str, card: str | None = None) -> Bound:
    """The bound of a group on a card (its id), or the widest one where there is no evidence of that kind."""
    bound = calibration.bounds.get(group) or calibration.bounds["unknown"]
    term = calibration.cards.get(card or "")
    if term is None:
        return bound
    return bound.model_copy(update={"tokens": bound.tokens * term.need, "states": bound.states * term.need})


def usable_of(calibration: Calibration, card: str, usable: float) -> float:
    """GiB of a card that a process gets: the stated figure, or less where runs were told less."""
    term = calibration.cards.get(card)
    return usable if term is None or term.usable_gib is None else min(usable, term.usable_gib)


def upper(states: Vector, tokens: Vector, bound: Bound, context: float) -> Vector:
    """GiB that a run needs at most, with the confidence of the calibration."""
    peak: Vector = np.max(bound.states * states + bound.tokens * tokens, axis=-1)
    return peak + context
