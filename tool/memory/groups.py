"""Groups of configurations that share an upper bound: by what can go wrong with their forecast."""

from __future__ import annotations

from tool.memory.setup import Setup
from tool.schema.fit import FitRequest


def length_varies(request: FitRequest) -> bool:
    """Whether the batches of a run differ in length: the allocator then keeps blocks of many sizes."""
    kind = (request.seq_len_kind or "").casefold()
    return "packed" not in kind


def group_of(setup: Setup, request: FitRequest, unsure: bool) -> str:
    """Name of the group in registry/measurements/calibration.yaml."""
    if unsure:
        return "unknown"
    if setup.sharding != "none":
        return "sharded"
    return "full" if setup.method == "full" else "adapter"
