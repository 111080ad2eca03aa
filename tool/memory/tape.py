"""A symbolic tape: one network block as operations on tensor sizes, and what lives at every step of it.

Sizes are vectors (constant, per token, per score) in bytes: a tensor of 10 features in bf16 is (0, 20, 0), the scores
of 32 attention heads in fp32 are (0, 0, 128) with micro_batch × seq_len² scores. The same block therefore prices every
micro-batch and length: playing it once yields a few linear forms, and the peak is the largest of them.

Rules that the tape follows (torch.autograd): an intermediate tensor lives until its last use in the forward pass,
unless an operation saved it for backward; in the backward pass an operation allocates the gradients of its inputs, then
frees the gradients of its outputs and what it had saved.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
TERMS = (
    "weights",
    "quantization_scales",
    "adapters",
    "reference_model",
    "master_weights",
    "autocast_copies",
    "gradients",
    "optimizer_states",
    "optimizer_temporary",
    "sharding_buffers",
    "dequantized_weight",
    "checkpoints",
    "layer_activations",
    "attention_scores",
    "logits_and_loss",
    "generation_cache",
    "workspace",
)
INDEX = {name: number for number, name in enumerate(TERMS)}


def constant(size: float) -> Vector:
    """`size` bytes whatever the batch."""
    return np.array((size, 0.0, 0.0))


def per_token(size: float) -> Vector:
    """`size` bytes for each token of the micro-batch."""
    return np.array((0.0, size, 0.0))


def per_score(size: float) -> Vector:
    """`size` bytes for each of the micro_batch × seq_len² pairs of positions."""
    return np.array((0.0, 0.0, size))


NOTHING = constant(0.0)


@dataclass(eq=False)
class Tensor:
    """One allocation. `term` is the name under which it is reported."""

    size: Vector
    term: str = "layer_activations"
    requires_grad: bool = True


@dataclass(eq=False)
class Op:
    """One operation. `passes_grad`: the gradients of the inputs are the gradient of the output itself (an addition)."""

    inputs: tuple[Tensor, ...]
    output: Tensor
    saves: tuple[Tensor, ...]
    forward_temporary: Vector
    backward_temporary: Vector
    temporary_term: str
    parameter_grad: Vector
    passes_grad: bool = False


@dataclass
class Points:
    """What lives at each moment: rows of (term, size) matrices, relative to what lived before the block."""

    rows: list[Vector] = field(default_factory=list)

    def stack(self) -> Vector:
        return np.array(self.rows) if self.rows else np.zeros((0, len(TERMS), 3))


class Tape:
    """Records operations in the order of the forward pass."""

    def __init__(self) -> None:
        self.ops: list[Op] = []
        self.held: set[Tensor] = set()
        self.bound: set[Tensor] = set()

    def tensor(self, size: Vector, term: str = "layer_activations", requires_grad: bool = True) -> Tensor:
        return Tensor(size, term, requires_grad)

    def op(
        self,
        inputs: tuple[Tensor, ...],
        size: Vector,
        *,
        saves: tuple[Tensor, ...] = (),
        saves_output: bool = False,
        term: str = "layer_activations",
        forward_temporary: Vector = NOTHING,
        backward_temporary: Vector = NOTHING,
        temporary_term: str = "layer_activations",
        parameter_grad: Vector = NOTHING,
        passes_grad: bool = False,
        requires_grad: bool = True,
    ) -> Tensor:
        """Record one operation and return its output."""
        output = Tensor(size, term, requires_grad)
        kept = (*saves, output) if saves_output else saves
        temporaries = (forward_temporary, backward_temporary, temporary_term)
        self.ops.append(Op(inputs, output, kept, *temporaries, parameter_grad, passes_grad))
        return output

    def hold(self, tensor: Tensor) -> None:
        """Keep a tensor alive through the backward pass (the training loop refers to it)."""
        self.held.add(tensor)

    def bind(self, tensor: Tensor) -> None:
        """Keep a tensor alive to the end of the forward pass (a local variable refers to it)."""
        self.bound.add(tensor)

    def held_size(self) -> Vector:
        """What a caller's variables keep alive during the rest of the backward pass, by term."""
        total = np.zeros((len(TERMS), 3))
        for tensor in self.held:
            total[INDEX[tensor.term]] += tensor.size
        return total

    def saved(self) -> Vector:
        """All that autograd keeps of this block between the passes, by term."""
        total = np.zeros((len(TERMS), 3))
        for tensor in {tensor for op in self.ops for tensor in op.saves}:
            total[INDEX[tensor.term]] += tensor.size
        return total

    def forward(self, keeps: bool, given: tuple[Tensor, ...] = ()) -> tuple[Points, Vector]:
        """Play the forward pass. `keeps`: autograd records; `given` tensors are owned by the caller.

        Returns the moments and what lives at the end (saved tensors and the last output, `given` not counted).
        """
        last = {tensor: number for number, op in enumerate(self.ops) for tensor in op.inputs}
        saved: set[Tensor] = set()
        owned = set(given)
        live = np.zeros((len(TERMS), 3))
        points = Points()
        counted: set[Tensor] = set()
        for number, op in enumerate(self.ops):
            if op.output not in owned:
                live[INDEX[op.output.term]] += op.output.size
                counted.add(op.output)
            if keeps:
                for tensor in op.saves:
                    if tensor not in counted and tensor not in owned:
                        live[INDEX[tensor.term]] += tensor.size
                        counted.add(tensor)
                saved.update(op.saves)
            moment = live.copy()
            moment[INDEX[op.temporary_term]] += op.forward_temporary
            points.rows.append(moment)
            for tensor in set(op.inputs):
                done = last[tensor] == number and tensor not in saved and tensor not in self.held | self.bound
                if done and tensor in counted:
                    live[INDEX[tensor.term]] -= tensor.size
                    counted.discard(tensor)
        return points, live

    def backward(self, given: tuple[Tensor, ...] = ()) -> Points:
        """Play the backward pass, starting with all saved tensors and the gradient of the last output alive."""
        waiting: dict[Tensor, int] = {}
        for op in self.ops:
            for tensor in set(op.saves):
                waiting[tensor] = waiting.get(tensor, 0) + 1
        live = self.saved()
        for tensor in given:
            if tensor in waiting:
                live[INDEX[tensor.term]] -= tensor.size
        for tensor in self.held - set(waiting) - set(given):
            live[INDEX[tensor.term]] += tensor.size
        grads = _Gradients(live)
        if self.ops:
            grads.allocate(self.ops[-1].output)
        points = Points()
        points.rows.append(live.copy())
        for op in reversed(self.ops):
            self._step_back(op, grads, live, points)
            for tensor in set(op.saves):
                waiting[tensor] -= 1
                if waiting[tensor] == 0 and tensor not in given and tensor not in self.held:
                    live[INDEX[tensor.term]] -= tensor.size
        return points

    def _step_back(self, op: Op, grads: _Gradients, live: Vector, points: Points) -> None:
        needing = [tensor for tensor in dict.fromkeys(op.inputs) if tensor.requires_grad]
        live[INDEX["gradients"]] += op.parameter_grad
        if op.passes_grad:
            for tensor in needing:
                grads.share(op.output, tensor)
        else:
            for tensor in needing:
                grads.allocate(tensor)
        moment = live.copy()
        moment[INDEX[op.temporary_term]] += op.backward_temporary
        points.rows.append(moment)
        grads.release(op.output)
        grads.settle()


class _Gradients:
    """Gradient buffers of the tensors under way. A second gradient of one tensor is added, then freed."""

    def __init__(self, live: Vector) -> None:
        self.live = live
        self.buffers: dict[Tensor, Tensor] = {}
        self.owners: dict[Tensor, int] = {}
        self.extra: list[Tensor] = []

    def _term(self, tensor: Tensor) -> int:
        return INDEX[tensor.term]

    def allocate(self, tensor: Tensor) -> None:
        self.live[self._term(tensor)] += tensor.size
        buffer = Tensor(tensor.size, tensor.term)
        if tensor in self.buffers:
            self._drop(self.buffers[tensor])
        self.buffers[tensor] = buffer
        self.owners[buffer] = 1

    def share(self, source: Tensor, tensor: Tensor) -> None:
        buffer = self.buffers.get(source)
        if buffer is None:
            return
        if tensor in self.buffers:
            self._drop(self.buffers[tensor])
        self.buffers[tensor] = buffer
        self.owners[buffer] += 1

    def _drop(self, buffer: Tensor) -> None:
        self.owners[buffer] -= 1
        if self.owners[buffer] == 0:
            self.extra.append(buffer)

    def release(self, tensor: Tensor) -> None:
        buffer = self.buffers.pop(tensor, None)
        if buffer is not None:
            self._drop(buffer)

    def settle(self) -> None:
        """Free what nobody refers to any more."""
        for buffer in self.extra:
            if self.owners.get(buffer) == 0:
                self.live[self._term(buffer)] -= buffer.size
                del self.owners[buffer]
        self.extra = []


def prune(rows: Vector) -> Vector:
    """Keep the moments that can be the peak of some batch: those no other moment exceeds in every coefficient."""
    if len(rows) == 0:
        return rows
    totals = np.round(rows.sum(axis=1), 3)
    order = np.argsort(-totals.sum(axis=1), kind="stable")  # whoever exceeds comes first, of equals the earliest
    ranked = totals[order]
    exceeds = (ranked[:, None, :] >= ranked[None, :, :]).all(axis=2)
    exceeded = np.triu(exceeds, k=1).any(axis=0)
    kept: Vector = rows[np.sort(order[~exceeded])]
    return kept
