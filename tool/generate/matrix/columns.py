"""The columns of the matrix, and a block of rows filled card by card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

WORDS = (
    "model",
    "task",
    "objective",
    "adapter",
    "gpu",
    "verdict",
    "strategy",
    "lr_scheduler_type",
    "optim",
    "precision",
    "quantization",
)
FLAGS = ("constrained_safe", "gradient_checkpointing", "packing")
COUNTS = (
    "seq_len",
    "effective_batch_size",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "max_length",
    "lora_r",
    "lora_alpha",
)
NUMBERS = (
    "confidence",
    "learning_rate",
    "num_train_epochs",
    "warmup_ratio",
    "weight_decay",
    "max_grad_norm",
    "allocated_gib",
    "upper_gib",
    "usable_gib",
)
FIRST = ("model", "task", "objective", "adapter", "gpu", "seq_len", "verdict", "strategy", "confidence")
COLUMNS = (*FIRST, *(name for name in (*NUMBERS, *COUNTS, *WORDS, *FLAGS) if name not in FIRST))
NOTHING = -1
"""Stands in whole-number columns for null; no such column has negative values."""


@dataclass(frozen=True)
class Table:
    """Rows as columns. Words are places in `vocabulary`; NOTHING in a whole number is null, NaN in another."""

    columns: dict[str, NDArray[Any]]
    vocabulary: dict[str, tuple[str, ...]]

    def __len__(self) -> int:
        return len(self.columns["model"])


class Builder:
    """Collects blocks of (card, length) into a table."""

    def __init__(self) -> None:
        self._blocks: list[Block] = []
        self._words: dict[str, dict[str, int]] = {name: {} for name in WORDS}

    def block(self, cards: int, lengths: int) -> Block:
        """A block whose cells are all empty."""
        made = Block(self, (cards, lengths))
        self._blocks.append(made)
        return made

    def place_of(self, column: str, word: str) -> int:
        places = self._words[column]
        return places.setdefault(word, len(places))

    def table(self) -> Table:
        """All filled cells, in the order of blocks, cards and lengths."""
        filled = [block.filled.ravel() for block in self._blocks]
        columns = {
            name: np.concatenate(
                [block.cells[name].ravel()[own] for block, own in zip(self._blocks, filled, strict=True)]
            )
            for name in COLUMNS
        }
        return Table(columns, {name: tuple(places) for name, places in self._words.items()})


class Block:
    """The cells of one model, task and adapter, by (card, length)."""

    def __init__(self, builder: Builder, shape: tuple[int, int]) -> None:
        self.builder = builder
        self.filled = np.zeros(shape, dtype=bool)
        self.cells: dict[str, NDArray[Any]] = {name: np.zeros(shape, dtype=np.int32) for name in WORDS}
        self.cells |= {name: np.zeros(shape, dtype=bool) for name in FLAGS}
        self.cells |= {name: np.full(shape, NOTHING, dtype=np.int64) for name in COUNTS}
        self.cells |= {name: np.full(shape, np.nan) for name in NUMBERS}

    def fill(self, cards: NDArray[np.intp], length: int, values: dict[str, Any]) -> None:
        """Set cells of some cards at one length. A value is one for all of them or an array by card; None is null."""
        self.filled[cards, length] = True
        for name, value in values.items():
            if isinstance(value, str):
                value = self.builder.place_of(name, value)
            if value is not None:
                self.cells[name][cards, length] = value
