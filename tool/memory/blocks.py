"""One transformer block on the tape: attention, feed-forward or experts, and the other layer kinds of hybrids."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tool.memory.layers import Layers, Matrix, Numbers
from tool.memory.tape import Tape, Tensor, per_score, per_token


@dataclass(frozen=True)
class Attention:
    """Heads of one layer. `kernel`: eager, sdpa or flash; `expanded`: keys and values are repeated for every head."""

    heads: int
    kv_heads: int
    head_dim: int
    kernel: str
    expanded: bool
    query_norm: bool = False
    rotary: bool = True
    softcap: bool = False
    narrow_softmax: bool = False


@dataclass(frozen=True)
class Block:
    """Shape of one layer. `matrices` by role name: qkv or q/k/v, o; gate/up/down or gate_up; in/out of mixers."""

    hidden: int
    matrices: dict[str, Matrix]
    attention: Attention | None = None
    intermediate: int = 0
    gated: bool = True
    experts_per_token: float = 0.0
    expert_intermediate: int = 0
    experts: int = 0
    expert_loop: bool = False
    mixer_features: int = 0
    post_norms: bool = False
    parallel: bool = False
    activation_copies: int = 1


def play(block: Block, numbers: Numbers) -> tuple[Tape, Tensor]:
    """Record one block. Returns the tape and the tensor that enters the block."""
    tape = Tape()
    layers = Layers(tape, numbers)
    x = tape.tensor(per_token(block.hidden * numbers.hidden))
    if block.parallel and block.attention is not None:
        return tape, _parallel(layers, x, block)
    out = x
    if block.attention is not None:
        out = _residual(layers, out, block, lambda normed: attention(layers, normed, block))
    if block.mixer_features:
        out = _residual(layers, out, block, lambda normed: mixer(layers, normed, block))
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
    return layers.add(x, branch, block.hidden, width)


def attention(layers: Layers, x: Tensor, block: Block) -> Tensor:
    """Query, key, value, the scores by the chosen kernel, and the output projection."""
    shape = block.attention
    assert shape is not None
    have = layers.n.hidden
    out_width = layers.output_width(have)
    query_size, kv_size = shape.heads * shape.head_dim, shape.kv_heads * shape.head_dim
    if "qkv" in block.matrices:
        whole = layers.linear(x, block.matrices["qkv"], have)
        q = k = v = whole
        if shape.rotary and not layers.n.fused_rope:
            q = layers.rotate(whole, query_size, out_width)
            k = layers.rotate(whole, kv_size, out_width)
    else:
        q = layers.linear(x, block.matrices["q"], have)
        k = layers.linear(x, block.matrices["k"], have) if "k" in block.matrices else q
        v = layers.linear(x, block.matrices["v"], have) if "v" in block.matrices else k
        if shape.query_norm:
            q, k = layers.norm(q, query_size, out_width), layers.norm(k, kv_size, out_width)
        if shape.rotary:
            q, k = layers.rotate(q, query_size, out_width), layers.rotate(k, kv_size, out_width)
    scores = {"eager": eager, "math": written_out}.get(shape.kernel, fused)
    mixed, width = scores(layers, (q, k, v), shape, out_width)
    return layers.linear(mixed, block.matrices["o"], width)


def _expand(layers: Layers, x: Tensor, shape: Attention, width: int) -> Tensor:
    if shape.heads == shape.kv_heads or not shape.expanded:
        return x
    return layers.tape.op((x,), per_token(shape.heads * shape.head_dim * width))


def fused(layers: Layers, qkv: tuple[Tensor, Tensor, Tensor], shape: Attention, width: int) -> tuple[Tensor, int]:
    """Flash or memory-efficient attention: saves its operands, its output and one fp32 log-sum per head and token.

    Backward accumulates the query gradient in fp32 (flash_bwd, mem_efficient_bwd) and, for grouped heads, makes
    key and value gradients for every head before it sums them.
    """
    q, k, v = qkv
    compute = layers.n.compute
    size = shape.heads * shape.head_dim
    k, v = _expand(layers, k, shape, width), _expand(layers, v, shape, width)
    if layers.n.autocast and width != compute:
        kv = size if shape.expanded else shape.kv_heads * shape.head_dim
        q = layers.cast(q, size, width, compute)
        k, v = layers.cast(k, kv, width, compute), layers.cast(v, kv, width, compute)
        width = compute
    logsum = Tensor(per_token(shape.heads * 4), requires_grad=False)
    grouped = 2 * size * width if shape.heads != shape.kv_heads and not shape.expanded else 0
    mixed = layers.tape.op(
        (q, k, v),
        per_token(size * width),
        saves=(q, k, v, logsum),
        saves_output=True,
        backward_temporary=per_token(size * 4 + grouped),
    )
    return mixed, width


def written_out(layers: Layers, qkv: tuple[Tensor, Tensor, Tensor], shape: Attention, width: int) -> tuple[Tensor, int]:
    """SDPA without a fused kernel: eager arithmetic in fp32 on scaled copies (`_scaled_dot_product_attention_math`)."""
    q, k, v = qkv
    size = shape.heads * shape.head_dim
    tape = layers.tape
    q, k = tape.op((q,), per_token(size * 4)), tape.op((k,), per_token(size * 4))
    if width != 4 or shape.heads != shape.kv_heads:
        v = tape.op((v,), per_token(size * 4))
    wide = per_score(shape.heads * 4)
    raw = tape.op((q, k), wide, saves=(q, k), term="attention_scores")
    masked = tape.op((raw,), wide, term="attention_scores", passes_grad=True)
    soft = tape.op(
        (masked,),
        wide,
        saves_output=True,
        term="attention_scores",
        backward_temporary=wide,
        temporary_term="attention_scores",
    )
    mixed = tape.op((soft, v), per_token(size * 4), saves=(soft, v))
    return layers.cast(mixed, size, 4, width), width


def eager(layers: Layers, qkv: tuple[Tensor, Tensor, Tensor], shape: Attention, width: int) -> tuple[Tensor, int]:
    """Scores written out: product, scaling, mask, fp32 softmax, back to the narrow type, product with the values."""
    q, k, v = qkv
    tape = layers.tape
    k, v = _expand(layers, k, shape, width), _expand(layers, v, shape, width)
    compute = layers.n.compute if layers.n.autocast else width
    narrow = per_score(shape.heads * compute)
    wide = per_score(shape.heads * 4)
    raw = tape.op((q, k), narrow, saves=(q, k), term="attention_scores")
    scaled = tape.op((raw,), narrow, term="attention_scores")
    if shape.softcap:
        divided = tape.op((scaled,), narrow, term="attention_scores")
        bent = tape.op((divided,), narrow, saves_output=True, term="attention_scores")
        scaled = tape.op((bent,), narrow, term="attention_scores")
    masked = tape.op((scaled,), narrow, term="attention_scores", passes_grad=True)
    if shape.narrow_softmax:
        compute, wide = 4, narrow  # no fp32 copy to narrow afterwards
    # softmax_backward_cuda makes grad * output, and saves its output in fp32
    soft = tape.op(
        (masked,),
        wide,
        saves_output=True,
        term="attention_scores",
        backward_temporary=wide,
        temporary_term="attention_scores",
    )
    if compute == 4:
        weights = soft
    else:  # the masked scores stay bound to a variable while the softmax is narrowed
        weights = tape.op(
            (soft,), narrow, term="attention_scores", forward_temporary=narrow, temporary_term="attention_scores"
        )
    size = shape.heads * shape.head_dim
    result = width if shape.narrow_softmax else compute
    return tape.op((weights, v), per_token(size * result), saves=(weights, v)), result


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
    return layers.linear(product, block.matrices["down"], width)


def _activate(layers: Layers, x: Tensor, block: Block, size: int, repeat: float, names: tuple[str, str, str]) -> Tensor:
    """act(gate(x)) · up(x), or act(up(x)) for a plain feed-forward."""
    have = layers.n.hidden
    width = layers.output_width(have)
    features = per_token(size * width * repeat)
    gate_name, up_name, both_name = names
    if not block.gated:
        return layers.unary(layers.linear(x, block.matrices[up_name], have, repeat), features, block.activation_copies)
    if both_name in block.matrices:
        gate = up = layers.linear(x, block.matrices[both_name], have, repeat)
    else:
        gate = layers.linear(x, block.matrices[gate_name], have, repeat)
    if layers.n.fused_mlp:
        if both_name not in block.matrices:
            up = layers.linear(x, block.matrices[up_name], have, repeat)
        return layers.tape.op((gate, up), features, saves=(gate, up))
    acted = layers.unary(gate, features)
    if both_name not in block.matrices:
        up = layers.linear(x, block.matrices[up_name], have, repeat)
    return layers.tape.op((acted, up), features, saves=(acted, up))


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


def mixer(layers: Layers, x: Tensor, block: Block) -> Tensor:
    """State-space, linear-attention or convolution mixer: in-projection, convolution, scan in fp32, gate, out."""
    have = layers.n.hidden
    width = layers.output_width(have)
    tape = layers.tape
    inner = block.mixer_features
    projected = layers.linear(x, block.matrices["in"], have)
    convolved = tape.op((projected,), per_token(block.matrices["in"].outputs * width), saves=(projected,))
    acted = tape.op((convolved,), per_token(block.matrices["in"].outputs * width), saves=(convolved,))
    scanned = tape.op((acted,), per_token(inner * 4), saves=(acted,), saves_output=True)
    gated = tape.op((scanned, projected), per_token(inner * width), saves=(projected,))
    return layers.linear(gated, block.matrices["out"], width)
