"""One transformer block on the tape: attention, feed-forward or experts, and the other layer kinds of hybrids."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tool.memory.kernels import Attention, eager, eager_with_sinks, fused, written_out
from tool.memory.layers import Layers, Matrix, Numbers
from tool.memory.mixers import Mixer, mix
from tool.memory.tape import INDEX, TERMS, Tape, Tensor, Vector, per_token


@dataclass(frozen=True)
class Block:
    """Shape of one layer. `matrices` by role name: qkv or q/k/v, o; gate/up/down or gate_up; in/out of mixers.

    `cross`: a decoder layer, which attends to the encoder too; `dropout`: masks on both branches, `inner_dropout` one
    behind the activation as well; `clamped`: gpt-oss's experts, clamped and gated step by step;
    `silent`: the layer comes before the first adapter, so nothing in it needs a gradient;
    `norm_keeps_input`: T5 multiplies the narrow input, not its fp32 copy, so both are kept;
    `keeps_result`: the activation keeps its result instead of its input.
    """

    hidden: int
    matrices: dict[str, Matrix]
    attention: Attention | None = None
    intermediate: int = 0
    gated: bool = True
    experts_per_token: float = 0.0
    expert_intermediate: int = 0
    experts: int = 0
    expert_loop: bool = False
    mixer: Mixer | None = None
    post_norms: bool = False
    parallel: bool = False
    activation_copies: int = 1
    cross: bool = False
    dropout: bool = False
    inner_dropout: bool = False
    clamped: bool = False
    silent: bool = False
    norm_keeps_input: bool = False
    keeps_result: bool = False

    def __hash__(self) -> int:
        """Over the matrices as well: blocks are the keys of what was played."""
        return hash((self.hidden, self.attention, self.mixer, self.experts, *self.matrices.items()))


def play(block: Block, numbers: Numbers) -> tuple[Tape, Tensor]:
    """Record one block. Returns the tape and the tensor that enters the block."""
    tape = Tape()
    layers = Layers(tape, numbers, block.norm_keeps_input)
    x = tape.tensor(per_token(block.hidden * numbers.hidden))
    if block.parallel and block.attention is not None:
        return tape, _parallel(layers, x, block)
    out = x
    if block.attention is not None:
        out = _residual(layers, out, block, lambda normed: attention(layers, normed, block))
    if block.cross:  # the encoder's output is one tensor for all layers, counted with the encoder
        source = Tensor(per_token(0.0))
        out = _residual(layers, out, block, lambda normed: attention(layers, normed, block, source))
    if (mixer := block.mixer) is not None:
        out = _residual(layers, out, block, lambda normed: mix(layers, normed, mixer, block.matrices))
    if block.intermediate or block.experts:
        out = _residual(layers, out, block, lambda normed: feed_forward(layers, normed, block))
    if "side_in" in block.matrices:
        _side_input(layers, out, block)
    return tape, x


def _parallel(layers: Layers, x: Tensor, block: Block) -> Tensor:
    """Attention and feed-forward side by side on the same input (GPT-NeoX, GPT-J, Falcon, Phi); returns that input."""
    mixed = attention(layers, layers.norm(x, block.hidden), block)
    fed = feed_forward(layers, layers.norm(x, block.hidden), block)
    both = layers.add(mixed, fed, block.hidden, layers.n.hidden)
    layers.add(x, both, block.hidden, layers.n.hidden)
    return x


def _side_input(layers: Layers, x: Tensor, block: Block) -> Tensor:
    """Gemma 4's small models add an embedding of the layer's own: gate, product, projection, norm."""
    into, back = block.matrices["side_in"], block.matrices["side_out"]
    width = layers.n.hidden
    features = per_token(into.outputs * width)
    gate = layers.unary(layers.linear(x, into, width), features)
    embedded = Tensor(features, requires_grad=False)
    mixed = layers.tape.op((gate,), features, saves=(gate, embedded))
    return layers.add(x, layers.norm(layers.linear(mixed, back, width), block.hidden), block.hidden, width)


def _residual(layers: Layers, x: Tensor, block: Block, inner: Callable[[Tensor], Tensor]) -> Tensor:
    width = layers.n.hidden
    normed = layers.norm(x, block.hidden)
    branch = inner(normed)
    if block.post_norms:
        branch = layers.norm(branch, block.hidden)
    if block.dropout:
        branch = layers.dropout(branch, block.hidden, width)
    return layers.add(x, branch, block.hidden, width)


def attention(layers: Layers, x: Tensor, block: Block, source: Tensor | None = None) -> Tensor:
    """Query, key, value (of `source` in cross-attention), the scores by the chosen kernel, the output projection."""
    shape = block.attention
    assert shape is not None
    source = source or x
    have = layers.n.hidden
    out_width = layers.output_width(have)
    query_size, kv_size = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    if "qkv" in block.matrices:
        whole = layers.linear(x, block.matrices["qkv"], have)
        q = k = v = asked = whole
        if shape.rotary and not layers.n.fused_rope:
            q = layers.rotate(whole, query_size, out_width)
            k = layers.rotate(whole, kv_size, out_width)
    else:
        q = asked = layers.linear(x, block.matrices["q"], have)
        k = layers.linear(source, block.matrices["k"], have) if "k" in block.matrices else q
        v = layers.linear(source, block.matrices["v"], have) if "v" in block.matrices else k
        if shape.query_norm:
            q, k = layers.norm(q, query_size, out_width), layers.norm(k, kv_size, out_width)
        if shape.rotary:
            q, k = layers.rotate(q, query_size, out_width), layers.rotate(k, kv_size, out_width)
    kernels = {"eager": eager_with_sinks if shape.sinks else eager, "math": written_out}
    mixed, width = kernels.get(shape.kernel, fused)(layers, (q, k, v), shape, out_width)
    if shape.gate:
        opened = layers.tape.op((asked,), per_token(shape.gate * width), saves_output=True)
        mixed = layers.tape.op((mixed, opened), per_token(query_size * width), saves=(mixed, opened))
    return layers.linear(mixed, block.matrices["o"], width)


def feed_forward(layers: Layers, x: Tensor, block: Block) -> Tensor:
    """Dense feed-forward, experts, or both (shared experts)."""
    out: Tensor | None = None
    if block.experts:
        out = experts(layers, x, block)
    if block.intermediate:
        dense = dense_mlp(layers, x, block)
        out = dense if out is None else layers.add(out, dense, block.hidden, layers.n.hidden)
    assert out is not None
    return out


def dense_mlp(layers: Layers, x: Tensor, block: Block) -> Tensor:
    have = layers.n.hidden
    width = layers.output_width(have)
    product = _activate(layers, x, block, block.intermediate, 1.0, ("gate", "up", "gate_up"))
    if block.inner_dropout:
        product = layers.dropout(product, block.intermediate, width)
    return layers.linear(product, block.matrices["down"], width)


def _activate(layers: Layers, x: Tensor, block: Block, size: int, repeat: float, names: tuple[str, str, str]) -> Tensor:
    """act(gate(x)) · up(x), or act(up(x)) for a plain feed-forward."""
    have = layers.n.hidden
    width = layers.output_width(have)
    features = per_token(size * width * repeat)
    gate_name, up_name, both_name = names
    if not block.gated:
        up = layers.linear(x, block.matrices[up_name], have, repeat)
        if block.keeps_result:
            return layers.tape.op((up,), features, saves_output=True)
        return layers.unary(up, features, block.activation_copies)
    if both_name in block.matrices:
        gate = up = layers.linear(x, block.matrices[both_name], have, repeat)
    else:
        gate = layers.linear(x, block.matrices[gate_name], have, repeat)
    if layers.n.fused_mlp:
        if both_name not in block.matrices:
            up = layers.linear(x, block.matrices[up_name], have, repeat)
        return layers.tape.op((gate, up), features, saves=(gate, up))
    if block.clamped and repeat != 1.0:
        return _clamped(layers, gate, layers.linear(x, block.matrices[up_name], have, repeat), features)
    acted = layers.unary(gate, features)
    if both_name not in block.matrices:
        up = layers.linear(x, block.matrices[up_name], have, repeat)
    return layers.tape.op((acted, up), features, saves=(acted, up))


def _clamped(layers: Layers, gate: Tensor, up: Tensor, features: Vector) -> Tensor:
    """(clamp(up) + 1) · g · sigmoid(alpha · g) with g = clamp(gate): each step keeps its operands (`GptOssExperts`)."""
    tape = layers.tape
    limited = tape.op((gate,), features, saves=(gate,))
    bent = tape.op((limited,), features, saves_output=True, forward_temporary=features)
    opened = tape.op((limited, bent), features, saves=(limited, bent))
    raised = tape.op((tape.op((up,), features, saves=(up,)),), features)
    return tape.op((raised, opened), features, saves=(raised, opened))


def experts(layers: Layers, x: Tensor, block: Block) -> Tensor:
    """Each token passes through `experts_per_token` experts: gathered, transformed, weighted and summed.

    In a loop over experts, what the other experts saved waits while one of them goes back.
    """
    have = layers.n.hidden
    k = block.experts_per_token / (block.experts if block.expert_loop else 1)
    tape = layers.tape
    width = layers.output_width(have)
    router = Tensor(per_token(block.experts * 4), requires_grad=False)
    gathered = tape.op((x,), per_token(block.hidden * have * k), saves=(router,))
    before = tape.saved()
    product = _activate(layers, gathered, block, block.expert_intermediate, k, ("e_gate", "e_up", "e_gate_up"))
    down = layers.linear(product, block.matrices["e_down"], width, k)
    weighted = tape.op((down,), per_token(block.hidden * width * k), saves=(down,))
    others: tuple[Tensor, ...] = ()
    if block.expert_loop and block.experts > 1:
        each = (tape.saved() - before).sum(axis=0)
        each[0] = 0.0
        others = (Tensor(each * (block.experts - 1), requires_grad=False),)
    return tape.op((weighted,), per_token(block.hidden * have), saves=others)


def selectively_kept(block: Block, width: int) -> Vector:
    """torchtitan's selective checkpointing: attention outputs and every second matrix product are kept."""
    row = np.zeros((len(TERMS), 3))
    size = 0.0
    if block.attention is not None:
        size += block.attention.heads * block.attention.head_dim
    names = [name for name in ("q", "k", "v", "o", "qkv", "gate", "up", "gate_up", "down") if name in block.matrices]
    size += sum(block.matrices[name].outputs for name in names[::2])
    row[INDEX["layer_activations"], 1] = size * width
    return row
