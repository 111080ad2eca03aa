"""Counts live tensor storages while real PyTorch code runs.

Every operation passes through a dispatch mode. A storage counts from the operation that returns it until the
last reference is gone, in blocks of 512 bytes, the granularity of PyTorch's CUDA caching allocator
(c10/cuda/CUDACachingAllocator.cpp, kMinBlockSize). Views share their storage and count once.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

BLOCK_BYTES = 512
CATEGORIES = (
    "weights",
    "quantization_scales",
    "adapters",
    "gradients",
    "optimizer_states",
    "optimizer_temporary",
    "activations",
)


def rounded(size: int) -> int:
    """Bytes that the allocator hands out for `size` bytes."""
    return -(-size // BLOCK_BYTES) * BLOCK_BYTES


@dataclass
class Segment:
    """The fullest moment of one stretch of the run: bytes in all, and by category."""

    total: int = -1
    categories: dict[str, int] = field(default_factory=dict)
    storages: list[tuple[int, str, str]] = field(default_factory=list)
    """Bytes, category and origin of each live storage; filled only while watching."""


class Ledger(TorchDispatchMode):  # type: ignore[misc]
    """Live bytes by category, and the peak of each segment.

    `scratch` maps an operation to a function (arguments, result) -> bytes that its CUDA kernel allocates and frees
    inside, which no dispatcher sees. `watch` names the segment whose peak shall list its storages (slow).
    """

    def __init__(
        self, scratch: dict[Any, Callable[[tuple[Any, ...], dict[str, Any]], int]] | None = None, watch: str = ""
    ) -> None:
        super().__init__()
        self.scratch = scratch or {}
        self.watch = watch
        self.live: dict[int, tuple[int, str, str]] = {}
        self.references: dict[int, weakref.ref[Any]] = {}
        self.sums: dict[str, int] = dict.fromkeys(CATEGORIES, 0)
        self.total = 0
        self.segments: dict[str, Segment] = {}
        self.category = "activations"
        self.origin = ""
        self.enter("start")

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        self.origin = str(func)
        for value in tree_iter(result):
            if isinstance(value, torch.Tensor):
                self.count(value)
        hidden = self.scratch.get(func)
        if hidden is not None:
            self.note_peak(extra=hidden(args, kwargs))
        return result

    def count(self, tensor: Any) -> None:
        """Start counting the storage of `tensor`, unless it is counted already."""
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self.live:
            return
        size = rounded(storage.nbytes())
        if size == 0:
            return
        self.live[key] = (size, self.category, f"{self.origin} {tensor.dtype} {tuple(tensor.shape)}")
        self.references[key] = weakref.ref(storage, lambda _: self._freed(key))
        self.sums[self.category] += size
        self.total += size
        self.note_peak()

    def _freed(self, key: int) -> None:
        size, category, _ = self.live.pop(key)
        del self.references[key]
        self.sums[category] -= size
        self.total -= size

    def note_peak(self, extra: int = 0) -> None:
        """Keep this moment if it is the fullest of its segment. `extra`: scratch bytes of a kernel."""
        if self.total + extra <= self.segment.total:
            return
        self.segment.total = self.total + extra
        self.segment.categories = dict(self.sums)
        self.segment.categories["activations"] += extra
        if self.watch == self.segment_name:
            self.segment.storages = [*self.live.values(), (extra, "activations", f"inside {self.origin}")]

    def tag(self, tensor: Any, category: str) -> None:
        """Move the storage of `tensor` to `category`."""
        key = tensor.untyped_storage()._cdata
        if key not in self.live:
            self.count(tensor)
        if key not in self.live:
            return
        size, old, origin = self.live[key]
        self.live[key] = (size, category, origin)
        self.sums[old] -= size
        self.sums[category] += size

    def enter(self, name: str) -> None:
        """Begin (or resume) the segment `name`; what lives now counts towards its peak."""
        self.segment_name = name
        self.segment = self.segments.setdefault(name, Segment())
        self.note_peak()

    @contextmanager
    def creating(self, category: str) -> Iterator[None]:
        """Storages created inside belong to `category` until tagged otherwise."""
        before, self.category = self.category, category
        try:
            yield
        finally:
            self.category = before
