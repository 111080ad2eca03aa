"""Blocks and losses, played once: their moments, kept for every setup that shares them.

The rungs of one answer (checkpointing, sharding, an 8-bit optimizer) and the questions of a batch differ in what
surrounds a block and not in the block itself, so its pruned moments are worth keeping. They are read-only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tool.memory.blocks import Block, play
from tool.memory.layers import Numbers
from tool.memory.loss import Head, play_loss
from tool.memory.tape import INDEX, TERMS, Vector, per_token, prune

KEPT = 8192
"""Blocks whose moments are kept: about 4 KiB each."""
TAPES = 64
"""Tapes kept: about 100 KiB each, asked for again only while one setup after the other is tried."""

_tape = lru_cache(maxsize=TAPES)(play)


@dataclass(frozen=True)
class Saved:
    """What autograd keeps of a block between the passes, and whether that includes the tensor that enters it."""

    size: Vector
    with_input: bool


@dataclass(frozen=True)
class Backward:
    """Moments of a block that goes back, and the most that gradients of its own weights take then (bytes)."""

    rows: Vector
    gradients: float


@dataclass(frozen=True)
class Ending:
    """Moments of output head and loss, and what the training loop still refers to afterwards."""

    forward: Vector
    backward: Vector
    held: Vector


def _read_only(rows: Vector) -> Vector:
    rows.flags.writeable = False
    return rows


@lru_cache(maxsize=KEPT)
def saved(block: Block, numbers: Numbers) -> Saved:
    tape, entering = _tape(block, numbers)
    return Saved(_read_only(tape.saved()), any(entering in op.saves for op in tape.ops))


@lru_cache(maxsize=KEPT)
def forward(block: Block, numbers: Numbers, keeps: bool) -> Vector:
    """Moments of the forward pass that can be a peak. `keeps`: autograd records."""
    tape, entering = _tape(block, numbers)
    return _read_only(prune(tape.forward(keeps, given=(entering,))[0].rows))


@lru_cache(maxsize=KEPT)
def backward(block: Block, numbers: Numbers, recomputes: bool, reentrant: bool, settles: bool) -> Backward:
    """Moments of the backward pass that can be a peak.

    `recomputes`: the block is played forward first, while the gradient of its output waits. `reentrant`: that gradient
    stays to the end. `settles`: gradients of weights leave at once (sharded or applied in backward).
    """
    tape, entering = _tape(block, numbers)
    rows = tape.backward(given=(entering,)).rows
    if recomputes:
        waiting = np.zeros((len(TERMS), 3))
        waiting[INDEX["layer_activations"]] = per_token(block.hidden * numbers.hidden)
        again = tape.forward(True, given=(entering,))[0].rows + waiting
        rows = np.concatenate([again, rows + waiting if reentrant else rows])
    gradients = float(rows[:, INDEX["gradients"], 0].max())
    if settles:
        rows[:, INDEX["gradients"], 0] = 0.0
    return Backward(_read_only(prune(rows)), gradients)


@lru_cache(maxsize=KEPT)
def ending(head: Head) -> Ending:
    """The output head and the loss."""
    tape, entering = play_loss(head)
    ahead = prune(tape.forward(True, given=(entering,))[0].rows)
    back = prune(tape.backward(given=(entering,)).rows)
    held = tape.held_size() if head.loss.holds else np.zeros((len(TERMS), 3))
    return Ending(_read_only(ahead), _read_only(back), _read_only(held))
