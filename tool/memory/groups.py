"""Groups of configurations that share an upper bound: by what can go wrong with their forecast."""

from __future__ import annotations

from tool.memory.setup import Setup
from tool.schema.fit import FitRequest

KINDS = ("constant", "varying", "mixed")
"""From the tidiest to the most wasteful use of the allocator's cache; a kind without evidence takes the one before."""


def shapes_of(setup: Setup, request: FitRequest) -> str:
    """How alike the batches of a run are, which decides how much cache the allocator keeps beside what is in use.

    `constant`: every batch has the same shape (packed, or a measuring loop). `varying`: padded batches of different
    lengths. `mixed`: evaluation or generation runs between the steps as well.
    """
    if setup.mixed_shapes:
        return "mixed"
    kind = (request.seq_len_kind or "").casefold()
    return "constant" if "packed" in kind or setup.constant_lengths else "varying"


def group_of(setup: Setup, request: FitRequest, known: bool, sized: bool = False) -> str:
    """Name of the group in registry/measurements/calibration.yaml. `sized`: only the size of the network is known."""
    if not known:
        return "unknown"
    return shapes_of(setup, request) + (" by size" if sized else "")
