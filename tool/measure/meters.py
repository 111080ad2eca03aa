"""Counters of a real run: those of the CUDA allocator, or, on a machine without a card, live storages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True)
class Peak:
    """Most bytes within one stretch: handed out by the allocator, and held by it."""

    allocated: int
    reserved: int


class CudaMeter:
    """Peaks of each stretch by torch.cuda's own statistics; `process_bytes` is what the driver shows in use."""

    def __init__(self) -> None:
        self.peaks: dict[str, Peak] = {}
        self.name = ""
        self.free_before, self.total = torch.cuda.mem_get_info()

    def enter(self, name: str) -> None:
        """Close the running stretch and begin another."""
        torch.cuda.synchronize()
        if self.name:
            seen = Peak(torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved())
            before = self.peaks.get(self.name, Peak(0, 0))
            self.peaks[self.name] = Peak(max(seen.allocated, before.allocated), max(seen.reserved, before.reserved))
        torch.cuda.reset_peak_memory_stats()
        self.name = name

    @contextmanager
    def creating(self, category: str) -> Iterator[None]:
        """The allocator knows no categories."""
        yield

    def tag(self, tensor: Any, category: str) -> None:
        """The allocator knows no categories."""

    def process_bytes(self) -> int:
        """Bytes of the card in use, the context included (the card must be otherwise idle)."""
        free, total = torch.cuda.mem_get_info()
        return int(total - free)


class LedgerMeter:
    """Live storages on the processor: for trying the script where there is no card."""

    def __init__(self) -> None:
        from tool.oracle.ledger import Ledger

        self.ledger = Ledger()
        self.enter, self.creating, self.tag = self.ledger.enter, self.ledger.creating, self.ledger.tag

    @property
    def peaks(self) -> dict[str, Peak]:
        """Peaks by stretch; nothing is held beyond what lives."""
        return {name: Peak(s.total, s.total) for name, s in self.ledger.segments.items() if s.total >= 0}

    def process_bytes(self) -> int:
        """What lives now."""
        return int(self.ledger.total)
