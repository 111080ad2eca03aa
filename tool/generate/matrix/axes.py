"""What is crossed with what, and how the cards fall into groups that are answered alike but for their memory."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tool.load import Repo
from tool.memory.overhead import context_of, load_calibration
from tool.recommend.question import Hardware, ask
from tool.recommend.safety import gpu_class
from tool.rounding import significant
from tool.schema.recommendation import RecommendRequest

ADAPTERS = ("full", "lora", "qlora")
LENGTHS = (1024, 2048, 4096, 8192)
"""Tokens: the lengths that published recipes use most."""


@dataclass(frozen=True)
class Axes:
    """The product, in the order of its rows. `lengths` are the requested tokens; every row is one card."""

    models: tuple[str, ...]
    gpus: tuple[str, ...]
    tasks: tuple[str, ...]
    adapters: tuple[str, ...] = ADAPTERS
    lengths: tuple[int, ...] = LENGTHS

    @property
    def size(self) -> int:
        """Combinations, those that a card cannot run included."""
        return len(self.models) * len(self.gpus) * len(self.tasks) * len(self.adapters) * len(self.lengths)


def axes_of(repo: Repo, lengths: tuple[int, ...] = LENGTHS) -> Axes:
    """All models, cards and tasks of a repository."""
    ids = (tuple(records.ids()) for records in (repo.models, repo.gpus, repo.tasks))
    models, gpus, tasks = ids
    return Axes(models, gpus, tasks, lengths=tuple(sorted(set(lengths))))


@dataclass(frozen=True)
class Cards:
    """Cards that get the same answer as long as it fits. `places` are their rows; `usable` and `context` (what the
    process itself takes) are GiB, by card."""

    hardware: Hardware
    places: NDArray[np.intp]
    usable: NDArray[np.float64]
    context: NDArray[np.float64]

    @cached_property
    def usable_shown(self) -> NDArray[np.float64]:
        """`usable` as answers show it."""
        return np.array([significant(float(value)) for value in self.usable])


def card_groups(repo: Repo, axes: Axes) -> list[Cards]:
    """The cards by all that an answer asks of them besides their memory (tool.recommend.sizing, .safety)."""
    calibration = load_calibration(repo.root)
    found: dict[tuple[object, ...], list[tuple[int, Hardware]]] = defaultdict(list)
    for place, id in enumerate(axes.gpus):
        hardware = hardware_of(repo, axes, id)
        gpu = hardware.gpu
        term = calibration.cards.get(gpu.id)
        kind = (gpu.bf16, gpu.flash_attention_2, gpu_class(gpu), gpu.bitsandbytes_nf4, term)
        found[kind].append((place, hardware))
    return [
        Cards(
            members[0][1],
            np.array([place for place, _ in members]),
            np.array([hardware.usable_gib for _, hardware in members]),
            np.array([context_of(calibration, hardware.gpu.architecture, 1) for _, hardware in members]),
        )
        for members in found.values()
    ]


def hardware_of(repo: Repo, axes: Axes, gpu: str) -> Hardware:
    """One card of a kind, as a request that names it is understood."""
    request = RecommendRequest(model=axes.models[0], task=axes.tasks[0], gpu=gpu)
    hardware = ask(repo, request).hardware
    if hardware is None:
        raise ValueError(f"{gpu} was not taken for a card")
    return hardware
