"""A symbolic tape: one network block as operations on tensor sizes, and what lives at every step of it.

Sizes are vectors (constant, per token, per score) in bytes: a tensor of 10 features in bf16 is (0, 20, 0), the scores
of 32 attention heads in fp32 are (0, 0, 128) with micro_batch × seq_len² scores. The same block therefore prices every
micro-batch and length: playing it once yields a few linear forms, and the peak is the largest of them.

Rules that the tape follows (torch.autograd): an intermediate tensor lives until its last use in the forward pass,
unless an operation saved it for backward; in the backward pass an operation allocates the gradients of its inputs, then
frees the gradients of its outputs and what it had saved.
"""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(eq=False, slots=True)
class Tensor:
    """One allocation. `term` is the name under which it is reported."""

    size: Vector
    term: str = "layer_activations"
    requires_grad: bool = True


@dataclass(eq=False, slots=True)
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


@dataclass(frozen=True)
class Points:
    """What lives at each moment: rows of (term, size) matrices, relative to what lived before the block."""

    rows: Vector

    def stack(self) -> Vector:
        return self.rows


class _Ledger:
    """Allocations and frees in their order. The moments are running sums, taken all at once at the end."""

    def __init__(self, start: Vector) -> None:
        self.start = start
        self.terms: list[int] = []
        self.sizes: list[Vector] = []
        self.marks: list[int] = []
        self.temporaries: list[tuple[int, int, Vector]] = []

    def take(self, term: str, size: Vector) -> None:
        self.terms.append(INDEX[term])
        self.sizes.append(size)

    def free(self, term: str, size: Vector) -> None:
        self.terms.append(INDEX[term])
        self.sizes.append(-size)

    def mark(self, temporary: Vector = NOTHING, term: str = "layer_activations") -> None:
        """A moment: all that lives now, and what the operation under way holds for itself."""
        if temporary is not NOTHING:
            self.temporaries.append((len(self.marks), INDEX[term], temporary))
        self.marks.append(len(self.sizes))

    def close(self) -> tuple[Points, Vector]:
        """(every moment, what lives at the end). Sums run in the order of the events, so rounding does too."""
        changes = np.zeros((len(self.sizes) + 1, len(TERMS), 3))
        changes[0] = self.start
        if self.sizes:
            changes[np.arange(1, len(self.sizes) + 1), self.terms] = np.concatenate(self.sizes).reshape(-1, 3)
        lives = np.add.accumulate(changes, axis=0)
        rows = lives[self.marks]
        for place, term, size in self.temporaries:
            rows[place, term] += size
        return Points(rows), lives[-1]


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
        owned, staying = set(given), self.held | self.bound
        counted: set[Tensor] = set()
        ledger = _Ledger(np.zeros((len(TERMS), 3)))
        for number, op in enumerate(self.ops):
            for tensor in (op.output, *op.saves) if keeps else (op.output,):
                if tensor not in counted and tensor not in owned:
                    ledger.take(tensor.term, tensor.size)
                    counted.add(tensor)
            if keeps:
                staying.update(op.saves)
            ledger.mark(op.forward_temporary, op.temporary_term)
            for tensor in set(op.inputs):
                if last[tensor] == number and tensor in counted and tensor not in staying:
                    ledger.free(tensor.term, tensor.size)
                    counted.discard(tensor)
        return ledger.close()

    def backward(self, given: tuple[Tensor, ...] = ()) -> Points:
        """Play the backward pass, starting with all saved tensors and the gradient of the last output alive."""
        waiting: dict[Tensor, int] = {}
        for op in self.ops:
            for tensor in set(op.saves):
                waiting[tensor] = waiting.get(tensor, 0) + 1
        ledger = _Ledger(self.saved())
        for tensor in given:
            if tensor in waiting:
                ledger.free(tensor.term, tensor.size)
        for tensor in self.held - set(waiting) - set(given):
            ledger.take(tensor.term, tensor.size)
        grads = _Gradients(ledger)
        if self.ops:
            grads.allocate(self.ops[-1].output)
        ledger.mark()
        kept = {*given, *self.held}
        for op in reversed(self.ops):
            _step_back(op, grads, ledger)
            for tensor in set(op.saves):
                waiting[tensor] -= 1
                if waiting[tensor] == 0 and tensor not in kept:
                    ledger.free(tensor.term, tensor.size)
        return ledger.close()[0]


def _step_back(op: Op, grads: _Gradients, ledger: _Ledger) -> None:
    """One operation goes back: gradients of its inputs come, that of its output goes."""
    if op.parameter_grad is not NOTHING:
        ledger.take("gradients", op.parameter_grad)
    for tensor in dict.fromkeys(op.inputs):
        if tensor.requires_grad and op.passes_grad:
            grads.share(op.output, tensor)
        elif tensor.requires_grad:
            grads.allocate(tensor)
    ledger.mark(op.backward_temporary, op.temporary_term)
    grads.release(op.output)
    grads.settle()


class _Gradients:
    """Gradient buffers of the tensors under way. A second gradient of one tensor is added, then freed."""

    def __init__(self, ledger: _Ledger) -> None:
        self.ledger = ledger
        self.buffers: dict[Tensor, Tensor] = {}
        self.owners: dict[Tensor, int] = {}
        self.extra: list[Tensor] = []

    def allocate(self, tensor: Tensor) -> None:
        self.ledger.take(tensor.term, tensor.size)
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
                self.ledger.free(buffer.term, buffer.size)
                del self.owners[buffer]
        self.extra = []


def prune(rows: Vector) -> Vector:
    """Keep the moments that can be the peak of some batch: those no other moment exceeds in every coefficient."""
    if len(rows) == 0:
        return rows
    totals = np.round(rows.sum(axis=1), 3)
    order = np.argsort(-totals.sum(axis=1), kind="stable")  # whoever exceeds comes first, of equals the earliest
    ranked = totals[order]
    exceeds = np.triu(np.greater_equal.outer(ranked[:, 0], ranked[:, 0]), k=1)
    for coefficient in (ranked[:, 1], ranked[:, 2]):
        exceeds &= np.greater_equal.outer(coefficient, coefficient)
    exceeded = exceeds.any(axis=0)
    kept: Vector = rows[np.sort(order[~exceeded])]
    return kept
