"""Requests → answers: one at a time, many at once, or a grid of micro-batches and lengths of one configuration."""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tool.load import Repo
from tool.load.gpu_names import resolve_gpu, stated_memory
from tool.memory.groups import group_of, shapes_of
from tool.memory.overhead import Bound, bound_of, context_of, gap_of, held, load_calibration, upper, usable_of
from tool.memory.program import GIB, PHASES, Program, assemble
from tool.memory.resolve import Notes, setup_of
from tool.memory.setup import Setup
from tool.memory.tape import TERMS, Vector
from tool.schema.fit import FitAnswer, FitRequest, Verdict
from tool.schema.gpu import Gpu

_PROGRAMS: OrderedDict[Setup, Program] = OrderedDict()
_MOST_PROGRAMS = 8192
LARGEST_GIB = 1e9
"""Estimates are cut here, so that absurd sizes stay finite numbers."""


def program_of(setup: Setup) -> Program:
    """The program of a setup, kept for the next request."""
    program = _PROGRAMS.get(setup)
    if program is None:
        program = assemble(setup)
        _PROGRAMS[setup] = program
        if len(_PROGRAMS) > _MOST_PROGRAMS:
            _PROGRAMS.popitem(last=False)
    return program


@dataclass(frozen=True)
class Card:
    """The card of a request: what a process can use of it (GiB), its architecture, and its id."""

    usable: float | None
    architecture: str | None
    id: str | None = None


def card_of(repo: Repo, request: FitRequest, notes: Notes) -> Card:
    """Resolve the card; without one there is no verdict."""
    if request.gpu is None:
        notes.abstain = notes.abstain or "no card was named"
        return Card(None, None)
    found = _sized_card(repo, request.gpu) or resolve_gpu(repo, request.gpu)
    if found is None:
        stated = stated_memory(repo, request.gpu)
        if stated is None:
            notes.abstain = notes.abstain or f"the card {request.gpu!r} is not known"
        else:
            notes.fill("usable_gib", f"{stated:.4g}", f"{request.gpu!r} is not known but for its size")
        return Card(stated, None)
    gpu, usable = found
    return Card(usable, gpu.architecture, gpu.id)


_SIZED = re.compile(r"(.+) \((\d+\.\d+) GiB\)")


def _sized_card(repo: Repo, text: str) -> tuple[Gpu, float] | None:
    """The card and its memory where an id is followed by what was seen of it, as the recommender writes it."""
    found = _SIZED.fullmatch(text)
    if found is None or found[1] not in repo.gpus:
        return None
    gpu, seen = repo.gpus[found[1]], float(found[2])
    return gpu, seen if 0 < seen < gpu.nominal_gb else gpu.usable_gib


def sizes_of(request: FitRequest, notes: Notes) -> tuple[int, int]:
    """Micro-batch and length; 1 and 2048 where they are not given."""
    if request.micro_batch is None:
        notes.fill("micro_batch", 1, "not given")
    if request.seq_len is None:
        notes.fill("seq_len", 2048, "not given")
    return request.micro_batch or 1, request.seq_len or 2048


def sample(setup: Setup, micro_batch: Vector, seq_len: Vector) -> Vector:
    """Coefficients (1, tokens, scores) of each (micro-batch, length) pair."""
    batch, length = np.broadcast_arrays(np.asarray(micro_batch, dtype=float), np.asarray(seq_len, dtype=float))
    tokens = batch * length * setup.sequences / setup.context_parallel
    return np.stack([np.ones_like(tokens), tokens, tokens * length], axis=-1)


@dataclass(frozen=True)
class Priced:
    """GiB of every moment at every point: `states` and `tokens` (…, moments), and the peak."""

    states: Vector
    tokens: Vector
    allocated: Vector
    peak: NDArray[np.int64]


def price(program: Program, points: Vector) -> Priced:
    """Price all moments at each point (rows of `sample`)."""
    totals = program.totals()
    states = np.broadcast_to(totals[:, 0] / GIB, (*points.shape[:-1], len(totals)))
    tokens = points[..., 1:] @ (totals[:, 1:].T / GIB)
    total = states + tokens
    peak = total.argmax(axis=-1)
    allocated = np.take_along_axis(total, peak[..., None], axis=-1)[..., 0]
    return Priced(states, tokens, np.minimum(allocated, LARGEST_GIB), peak)


def fit(repo: Repo, request: FitRequest) -> FitAnswer:
    """Forecast one configuration."""
    notes = Notes()
    setup = setup_of(repo, request, notes)
    if setup is None:
        return _no_basis(request, notes)
    card = card_of(repo, request, notes)
    micro_batch, seq_len = sizes_of(request, notes)
    program = program_of(setup)
    points = sample(setup, np.array([micro_batch]), np.array([seq_len]))
    priced = price(program, points)
    calibration = load_calibration(repo.root)
    if card.id is not None and card.usable is not None:
        card = replace(card, usable=usable_of(calibration, card.id, card.usable))
    context = context_of(calibration, card.architecture, setup.gpus)
    room = None if card.usable is None else max(0.0, card.usable - context)
    gap = 0.0 if setup.expandable else gap_of(calibration, shapes_of(setup, request))
    reserved = float(held(priced.states, priced.tokens, gap, priced.allocated, room)[0])
    bound = bound_of(
        calibration, group_of(setup, request, setup.profile_known and not notes.unsure, notes.sized), card.id
    )
    most = min(float(upper(priced.states, priced.tokens, bound, context)[0]), LARGEST_GIB)
    allocated, index = float(priced.allocated[0]), int(priced.peak[0])
    moment = program.moments[index] @ points[0] / GIB
    moment *= allocated / max(float(moment.sum()), allocated)  # beyond LARGEST_GIB the terms are cut alike
    return FitAnswer(
        id=request.id,
        allocated_gib=rounded(allocated),
        reserved_gib=rounded(reserved),
        process_gib=rounded(reserved + context),
        upper_gib=rounded(most),
        usable_gib=None if card.usable is None else rounded(card.usable),
        verdict=verdict(allocated + context, most, card.usable, notes.abstain),
        peak_phase=PHASES[int(program.phases[index])],
        terms={name: rounded(float(size)) for name, size in zip(TERMS, moment, strict=True) if size > 0.0},
        assumptions=tuple(notes.assumed),
        abstained_because=notes.abstain,
    )


def verdict(need: float, upper: float, usable: float | None, abstain: str | None) -> Verdict:
    """fits: the bound is within the card. oom: the need itself is beyond it. tight: between."""
    if abstain or usable is None:
        return "abstain"
    if upper <= usable:
        return "fits"
    return "oom" if need > usable else "tight"


def _no_basis(request: FitRequest, notes: Notes) -> FitAnswer:
    reason = notes.abstain or "nothing says how large the model is: give model, model_config or params_b"
    if request.model is not None and notes.abstain is None:
        reason = f"the model {request.model!r} is not in the registry: give model_config or params_b"
    return FitAnswer(
        id=request.id,
        allocated_gib=None,
        reserved_gib=None,
        process_gib=None,
        upper_gib=None,
        usable_gib=None,
        verdict="abstain",
        peak_phase=None,
        terms={},
        assumptions=tuple(notes.assumed),
        abstained_because=reason,
    )


def fit_many(repo: Repo, requests: list[FitRequest]) -> list[FitAnswer]:
    """Forecast many configurations; equal setups share their program."""
    return [fit(repo, request) for request in requests]


def bounds(repo: Repo, request: FitRequest, micro_batch: Vector, seq_len: Vector) -> Vector:
    """`upper_gib` of the request's configuration at each (micro_batch, seq_len) pair, as broadcast.

    Infinite where nothing is known of the network.
    """
    notes = Notes()
    setup = setup_of(repo, request, notes)
    shape = np.broadcast_shapes(np.shape(micro_batch), np.shape(seq_len))
    if setup is None:
        return np.full(shape, np.inf)
    calibration = load_calibration(repo.root)
    card = card_of(repo, request, Notes())
    context = context_of(calibration, card.architecture, setup.gpus)
    bound = bound_of(
        calibration, group_of(setup, request, setup.profile_known and not notes.unsure, notes.sized), card.id
    )
    return upper_bounds(program_of(setup), sample(setup, micro_batch, seq_len), bound, context)


def upper_bounds(program: Program, points: Vector, bound: Bound, context: float) -> Vector:
    """Upper bounds (GiB) of one setup at many points, by one product over its moments: the batched path."""
    totals = program.totals() / GIB
    weighted = totals * np.array([bound.states, bound.tokens, bound.tokens])
    most: Vector = (points @ weighted.T).max(axis=-1) + context
    return np.minimum(most, LARGEST_GIB)


def rounded(value: float) -> float:
    """Four significant digits."""
    return float(f"{value:.4g}")
