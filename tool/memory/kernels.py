"""Attention kernels on the tape: fused ones, and scores written out as transformers and torch do."""

from __future__ import annotations

from dataclasses import dataclass

from tool.memory.layers import Layers
from tool.memory.tape import Tensor, per_score, per_token


@dataclass(frozen=True)
class Attention:
    """Heads of one layer. `kernel`: eager, sdpa or flash; `expanded`: keys and values are repeated for every head.

    `sinks`: one learned logit per head joins the scores; `gate`: features of a learned gate on the output.
    """

    heads: int
    kv_heads: int
    head_dim: int
    kernel: str
    expanded: bool
    query_norm: bool = False
    rotary: bool = True
    softcap: bool = False
    narrow_softmax: bool = False
    sinks: bool = False
    gate: int = 0
    dropout: bool = False


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
    if shape.dropout:
        mask = Tensor(per_score(shape.heads), "attention_scores", requires_grad=False)
        weights = tape.op((weights,), narrow, saves=(mask,), term="attention_scores")
    size = shape.heads * shape.head_dim
    result = width if shape.narrow_softmax else compute
    return tape.op((weights, v), per_token(size * result), saves=(weights, v)), result


def eager_with_sinks(
    layers: Layers, qkv: tuple[Tensor, Tensor, Tensor], shape: Attention, width: int
) -> tuple[Tensor, int]:
    """gpt-oss: the sink joins the scores, the maximum is taken off, and the softmax stays in the narrow type."""
    q, k, v = qkv
    tape = layers.tape
    k, v = _expand(layers, k, shape, width), _expand(layers, v, shape, width)
    size = per_score(shape.heads * (layers.n.compute if layers.n.autocast else width))
    scores = tape.op((q, k), size, saves=(q, k), term="attention_scores")
    for _ in range(4):  # scaled, masked, joined, less the maximum: nothing of it is kept
        scores = tape.op((scores,), size, term="attention_scores")
    soft = tape.op(
        (scores,),
        size,
        saves_output=True,
        term="attention_scores",
        backward_temporary=size,
        temporary_term="attention_scores",
    )
    return tape.op((soft, v), per_token(shape.heads * shape.head_dim * width), saves=(soft, v)), width
