"""Pieces of a transformer block on the tape: normalisation, linear layers with adapters, rotary embedding.

What each operation saves was read from transformers 5.23, peft 0.21, bitsandbytes 0.50 and torch 2.13:
`LlamaRMSNorm.forward`, `peft.tuners.lora.layer.Linear.forward`, `bitsandbytes.nn.Linear4bit.forward`, and torch's
derivatives.yaml (a matrix product saves an operand only when the other one needs a gradient).
"""

from __future__ import annotations

from dataclasses import dataclass

from tool.memory.tape import NOTHING, Tape, Tensor, Vector, constant, per_token


@dataclass(frozen=True)
class Numbers:
    """Widths in bytes, and what is trained.

    `hidden` is the residual stream, `compute` the matrix products, `adapter` the adapter weights.
    `autocast`: torch.autocast is on. `frozen`: the base weights get no gradient. `quantized`: linear layers are stored
    packed and dequantised for each product. `gradient` is the width of the gradients of base weights.
    """

    hidden: int
    compute: int
    adapter: int
    gradient: int
    autocast: bool
    frozen: bool
    quantized: bool
    rank: int = 0
    dropout: bool = False
    dora: bool = False
    fused_norm: bool = False
    fused_rope: bool = False
    fused_mlp: bool = False
    fused_lora: bool = False
    weight: int = 2
    wide_norm: bool = False
    layer_norm: bool = False
    wide_layer_norm: bool = False


@dataclass(frozen=True)
class Matrix:
    """One linear layer of the block: (in, out) features, whether an adapter sits on it, and whether it is packed."""

    inputs: int
    outputs: int
    adapted: bool = False
    packed: bool = False

    @property
    def size(self) -> int:
        return self.inputs * self.outputs


def narrow_copy(size: float) -> Tensor:
    """The 16-bit copy of an fp32 weight that autocast makes, saved by the product that uses it."""
    return Tensor(constant(size), "autocast_copies", requires_grad=False)


class Layers:
    """Operations of one block, recorded on a tape."""

    def __init__(self, tape: Tape, numbers: Numbers, norm_keeps_input: bool = False) -> None:
        self.tape = tape
        self.n = numbers
        self.norm_keeps_input = norm_keeps_input

    def cast(self, x: Tensor, features: float, have: int, want: int) -> Tensor:
        """`x.to(dtype)`: nothing when the width is right already, else a copy (saves nothing)."""
        if have == want:
            return x
        return self.tape.op((x,), per_token(features * want))

    def norm(self, x: Tensor, features: float, width: int | None = None) -> Tensor:
        """RMSNorm as transformers writes it: fp32 copy, normalise, back, times the weight. LayerNorm is one step.

        `width` is that of the residual stream unless given (queries and keys).
        """
        width = width or self.n.hidden
        if self.n.fused_norm or self.n.layer_norm:
            if self.n.wide_layer_norm and not self.n.fused_norm:  # OLMo normalises an fp32 copy
                wide = self.cast(x, features, width, 4)
                return self.cast(self.tape.op((wide,), per_token(features * 4), saves=(wide,)), features, 4, width)
            return self.tape.op((x,), per_token(features * width), saves=(x,))
        wide = self.cast(x, features, width, 4)
        both = (wide, x) if self.norm_keeps_input else (wide,)
        normal = self.tape.op((wide,), per_token(features * 4), saves=both, forward_temporary=NOTHING)
        if self.n.wide_norm:  # the weight is applied before narrowing
            scaled = self.tape.op((normal,), per_token(features * 4), saves=() if self.n.frozen else (normal,))
            return self.cast(scaled, features, 4, width)
        narrow = self.cast(normal, features, 4, width)
        saves = () if self.n.frozen else (narrow,)
        return self.tape.op((narrow,), per_token(features * width), saves=saves)

    def linear(self, x: Tensor, matrix: Matrix, have: int, repeat: float = 1.0) -> Tensor:
        """One product, with its adapter. `repeat` copies of each token pass through it (experts)."""
        base = self._base(x, matrix, have, repeat)
        if not matrix.adapted or not self.n.rank:
            return base
        return self._adapter(x, base, matrix, have, repeat)

    def output_width(self, have: int) -> int:
        """Width of what a linear layer returns: bitsandbytes gives back the width of its input."""
        return have if self.n.quantized else self.n.compute

    def _base(self, x: Tensor, matrix: Matrix, have: int, repeat: float) -> Tensor:
        n = self.n
        narrow = self.cast(x, matrix.inputs * repeat, have, n.compute)
        dequantized = constant(matrix.size * n.compute) if matrix.packed else NOTHING
        trained = not n.frozen
        saves = (narrow,) if trained else ()
        if n.autocast and n.weight > n.compute and not matrix.packed:
            saves = (*saves, narrow_copy(matrix.size * n.compute))
        out = self.tape.op(
            (narrow,),
            per_token(matrix.outputs * n.compute * repeat),
            saves=saves,
            forward_temporary=dequantized,
            backward_temporary=dequantized,
            temporary_term="dequantized_weight" if matrix.packed else "layer_activations",
            parameter_grad=constant(matrix.size * n.gradient) if trained else NOTHING,
        )
        return self.cast(out, matrix.outputs * repeat, n.compute, have) if matrix.packed else out

    def _adapter(self, x: Tensor, base: Tensor, matrix: Matrix, have: int, repeat: float) -> Tensor:
        n = self.n
        width = n.compute if n.autocast else n.adapter
        result_width = have if matrix.packed else n.compute
        wide, wide_width = self.cast(x, matrix.inputs * repeat, have, n.adapter), n.adapter
        if n.dropout:
            mask = Tensor(per_token(matrix.inputs * repeat), requires_grad=False)
            wide = self.tape.op((wide,), per_token(matrix.inputs * repeat * wide_width), saves=(mask,))
        ready = self.cast(wide, matrix.inputs * repeat, wide_width, width)
        low = self.tape.op((ready,), per_token(n.rank * width * repeat), saves=(ready,))
        high = self.tape.op((low,), per_token(matrix.outputs * width * repeat), saves=(low,))
        scaled = self.tape.op((high,), per_token(matrix.outputs * width * repeat))
        if n.dora:
            scaled = self._magnitude(base, scaled, matrix, width, repeat)
        if matrix.packed and not n.autocast:
            scaled = self.cast(scaled, matrix.outputs * repeat, width, result_width)
        total_width = max(result_width, width) if not matrix.packed else result_width
        total = self.tape.op((base, scaled), per_token(matrix.outputs * total_width * repeat), passes_grad=True)
        return self.cast(total, matrix.outputs * repeat, total_width, result_width)

    def _magnitude(self, base: Tensor, scaled: Tensor, matrix: Matrix, width: int, repeat: float) -> Tensor:
        """DoRA: the norm of W + BA needs both matrices whole; the magnitude multiplies the sum."""
        whole = constant(matrix.size * (self.n.compute + 2 * width))
        return self.tape.op(
            (base, scaled),
            per_token(matrix.outputs * width * repeat),
            saves=(base, scaled),
            forward_temporary=whole,
            backward_temporary=whole,
            temporary_term="dequantized_weight",
        )

    def rotate(self, x: Tensor, features: float, width: int) -> Tensor:
        """x·cos + rotate_half(x)·sin: nothing of x is saved, but three copies are under way."""
        if self.n.fused_rope:
            return x
        first = self.tape.op((x,), per_token(features * width))
        second = self.tape.op((x,), per_token(features * width), forward_temporary=per_token(features * width))
        return self.tape.op((first, second), per_token(features * width), passes_grad=True)

    def add(self, x: Tensor, y: Tensor, features: float, width: int) -> Tensor:
        return self.tape.op((x, y), per_token(features * width), passes_grad=True)

    def unary(self, x: Tensor, size: Vector, copies: int = 1) -> Tensor:
        """An activation function: saves its input, and intermediate results where it is written out in Python."""
        more = tuple(Tensor(size, requires_grad=False) for _ in range(copies - 1))
        return self.tape.op((x,), size, saves=(x, *more))

    def dropout(self, x: Tensor, features: float, width: int) -> Tensor:
        """A dropped-out copy and a mask of one byte an element (torch's fused kernel on CUDA)."""
        mask = Tensor(per_token(features), requires_grad=False)
        return self.tape.op((x,), per_token(features * width), saves=(mask,))
