"""The sizing of one answer (tool.recommend.sizing), for all cards of a group and all lengths at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tool.generate.matrix.axes import Cards
from tool.load import Repo
from tool.memory.answer import LARGEST_GIB, price, program_of, sample
from tool.memory.groups import group_of
from tool.memory.overhead import Bound, bound_of, load_calibration, upper
from tool.memory.program import Program
from tool.memory.resolve import Notes, setup_of
from tool.memory.setup import Setup as MemorySetup
from tool.recommend.question import Question
from tool.recommend.sizing import (
    COMFORTABLE_MICRO_BATCH,
    LEAST_KTO,
    Setup,
    framework_of,
    ladder,
    micro_batches,
    priced_attention,
    request_for,
)
from tool.rounding import significant

Floats = NDArray[np.float64]
Places = NDArray[np.intp]
VERDICTS = ("fits", "tight", "oom", "abstain")


@dataclass(frozen=True)
class Rung:
    """One setup of the ladder, priced: `need` and `most` are GiB without the process, by (length, micro-batch)."""

    setup: Setup
    need: Floats
    most: Floats
    abstains: bool


@dataclass(frozen=True)
class Sized:
    """By (card, length): the rung of `rungs`, the micro-batch, rounded GiB and the place of the verdict in VERDICTS."""

    rungs: tuple[Rung, ...]
    rung: Places
    micro_batch: Places
    allocated: Floats
    upper: Floats
    verdict: Places


@dataclass(frozen=True)
class _Known:
    """What a setup of a model is in memory, whatever the card and the batch."""

    setup: MemorySetup
    program: Program
    group: str
    abstains: bool


class Sizer:
    """Sizes the questions of one model. What tasks and groups of cards have in common is priced once."""

    def __init__(self, repo: Repo, lengths: tuple[int, ...]) -> None:
        """`lengths` are the tokens of each requested length, as far as the model has positions."""
        self.repo, self.lengths = repo, np.array(lengths, dtype=np.float64)
        self._known: dict[tuple[object, ...], _Known] = {}
        self._sized: dict[tuple[object, ...], Sized] = {}

    def size(self, question: Question, cards: Cards, wanted: Setup, per_gpu: int) -> Sized:
        """`wanted` with its length; the length of the answer's arrays is that of all lengths."""
        wanted = replace(wanted, max_length=1)
        key = (framework_of(question), question.objective, id(cards), wanted, per_gpu)
        if key not in self._sized:
            self._sized[key] = self._solve(question, cards, wanted, per_gpu)
        return self._sized[key]

    def _solve(self, question: Question, cards: Cards, wanted: Setup, per_gpu: int) -> Sized:
        sizes = micro_batches(per_gpu)
        sizes = sizes[sizes >= LEAST_KTO] if question.objective == "kto" else sizes
        rungs: list[Rung] = []
        shape = (len(cards.usable), len(self.lengths))
        chosen, place = np.full(shape, -1), np.zeros(shape, dtype=np.intp)
        for rung, accepted, fitting in self._rungs(question, cards, wanted, per_gpu, sizes):
            new = (chosen < 0) & accepted
            chosen[new], place[new] = len(rungs), fitting[new]
            rungs.append(rung)
            if (chosen >= 0).all():
                break
        chosen[chosen < 0] = len(rungs) - 1  # nothing fits: the last rung at the least micro-batch, place 0
        return self._picked(cards, tuple(rungs), chosen, place, sizes)

    def _rungs(
        self, question: Question, cards: Cards, wanted: Setup, per_gpu: int, sizes: Floats
    ) -> Iterator[tuple[Rung, NDArray[np.bool_], Places]]:
        """Each rung with (card, length) → whether it will do, and the place of its largest micro-batch."""
        for option in ladder(question, wanted):
            rung = self._price(question, cards, option, sizes)
            need = np.minimum(rung.most[None] + cards.context[:, None, None], LARGEST_GIB)
            fits = need <= cards.usable[:, None, None]
            last = fits.shape[2] - 1 - fits[:, :, ::-1].argmax(axis=2)
            least = 1 if option.gradient_checkpointing else min(per_gpu, COMFORTABLE_MICRO_BATCH)
            yield rung, fits.any(axis=2) & (sizes[last] >= least), last

    def _price(self, question: Question, cards: Cards, option: Setup, sizes: Floats) -> Rung:
        known = self._memory(question, option)
        points = sample(known.setup, sizes[None, :], self.lengths[:, None])
        priced = price(known.program, points)
        bound = self._bound(cards, known.group)
        return Rung(option, priced.allocated, upper(priced.states, priced.tokens, bound, 0.0), known.abstains)

    def _bound(self, cards: Cards, group: str) -> Bound:
        return bound_of(load_calibration(self.repo.root), group, cards.hardware.gpu.id)

    def _memory(self, question: Question, option: Setup) -> _Known:
        key = (framework_of(question), question.objective, priced_attention(question, option), option)
        if key not in self._known:
            notes = Notes()
            request = request_for(question, option)
            setup = setup_of(self.repo, request, notes)
            if setup is None:
                raise ValueError(f"nothing is known of {question.subject.name}")
            group = group_of(setup, request, setup.profile_known and not notes.unsure, notes.sized)
            self._known[key] = _Known(setup, program_of(setup), group, notes.abstain is not None)
        return self._known[key]

    def _picked(self, cards: Cards, rungs: tuple[Rung, ...], rung: Places, place: Places, sizes: Floats) -> Sized:
        lengths = np.arange(len(self.lengths))[None, :]
        need = np.stack([item.need for item in rungs])[rung, lengths, place]
        most = np.stack([item.most for item in rungs])[rung, lengths, place] + cards.context[:, None]
        most = np.minimum(most, LARGEST_GIB)
        usable = cards.usable[:, None]
        out_of_memory = need + cards.context[:, None] > usable
        verdict = np.where(most <= usable, 0, np.where(out_of_memory, 2, 1))
        verdict = np.where(np.array([item.abstains for item in rungs])[rung], 3, verdict)
        return Sized(rungs, rung, sizes[place].astype(np.intp), rounded(need), rounded(most), verdict)


def rounded(values: Floats) -> Floats:
    """Every value with as many digits as answers have."""
    distinct, places = np.unique(values, return_inverse=True)
    return np.array([significant(float(value)) for value in distinct])[places].reshape(values.shape)
