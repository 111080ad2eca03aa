"""Layers that mix tokens without scores, on the tape: gated delta rule, short convolution, state space.

What they save was read from transformers 5.23 as it runs without extra kernel packages (`fla`, `causal_conv1d`), which
is what an installation of transformers alone runs on a GPU too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tool.memory.layers import Layers, Matrix
from tool.memory.tape import Tensor, per_token

CHUNK = 64
"""Tokens of one chunk of the delta rule (`torch_chunk_gated_delta_rule`, chunk_size)."""


@dataclass(frozen=True)
class Mixer:
    """`kind`: delta, conv or state. `features` is the inner width; the rest are the heads of a delta network."""

    kind: str
    features: int
    key_features: int = 0
    heads: int = 0
    key_dim: int = 0


def mix(layers: Layers, x: Tensor, mixer: Mixer, matrices: Mapping[str, Matrix]) -> Tensor:
    """Projections in, the mixing itself, projection out."""
    have = layers.n.hidden
    entered = [layers.linear(x, matrix, have) for name, matrix in matrices.items() if name.startswith("in")]
    width = layers.output_width(have)
    if mixer.kind == "conv":
        mixed = _short_convolution(layers, entered, mixer, width)
    elif mixer.kind == "delta":
        mixed = _gated_norm(layers, _delta(layers, entered, mixer, width), entered, mixer, width)
    else:
        mixed = _state_space(
            layers, entered, mixer, width, sum(m.outputs for n, m in matrices.items() if n[:2] == "in")
        )
    return layers.linear(mixed, matrices["out"], width)


def _short_convolution(layers: Layers, entered: list[Tensor], mixer: Mixer, width: int) -> Tensor:
    """C · conv(B · x), with B, C and x parts of one projection (`Lfm2ShortConv`)."""
    tape, size = layers.tape, per_token(mixer.features * width)
    whole = entered[0]
    gated = tape.op((whole,), size, saves=(whole,))
    convolved = tape.op((gated,), size, saves=(gated,))
    return tape.op((whole, convolved), size, saves=(whole, convolved))


def _state_space(layers: Layers, entered: list[Tensor], mixer: Mixer, width: int, outputs: int) -> Tensor:
    """Convolution, activation, scan in fp32, gate (Mamba)."""
    tape, whole, inner = layers.tape, entered[0], mixer.features
    convolved = tape.op((whole,), per_token(outputs * width), saves=(whole,))
    acted = tape.op((convolved,), per_token(outputs * width), saves=(convolved,))
    scanned = tape.op((acted,), per_token(inner * 4), saves=(acted,), saves_output=True)
    return tape.op((scanned, whole), per_token(inner * width), saves=(whole,))


def _delta(layers: Layers, entered: list[Tensor], mixer: Mixer, width: int) -> Tensor:
    """Convolution and the chunked delta rule in fp32 (`torch_chunk_gated_delta_rule`)."""
    tape = layers.tape
    mixed = per_token((2 * mixer.key_features + mixer.features) * width)
    convolved = tape.op((entered[0],), mixed, saves=(entered[0],))
    acted = tape.op((convolved,), mixed, saves=(convolved,))
    tape.bind(acted)  # query, key and value are views of it, and local variables
    keys, values = per_token(mixer.heads * mixer.key_dim * 4), per_token(mixer.features * 4)
    query, key = (_normalized(layers, tape.op((acted,), keys)) for _ in range(2))
    query = tape.op((tape.op((query,), keys),), keys)  # scaled, then padded to whole chunks: a copy each
    key = tape.op((key,), keys)
    value = tape.op((tape.op((acted,), values),), values)
    return _chunks(layers, (query, key, value), entered[-1], mixer)


def _normalized(layers: Layers, x: Tensor) -> Tensor:
    """`l2norm`: the squares are made and dropped, x is kept."""
    return layers.tape.op((x,), x.size, saves=(x,), forward_temporary=x.size)


def _chunks(layers: Layers, qkv: tuple[Tensor, Tensor, Tensor], decay: Tensor, mixer: Mixer) -> Tensor:
    """Five matrices of chunk × chunk for each head, two triangular systems, and a state kept for every chunk."""
    tape, (query, key, value) = layers.tape, qkv
    pairs = per_token(mixer.heads * CHUNK * 4)
    value_beta = tape.op((value,), value.size, saves=(value,))
    key_beta = tape.op((key,), key.size, saves=(key,))
    pairwise = tape.op((decay,), pairs, saves_output=True, forward_temporary=pairs)
    raw = tape.op((key_beta, key), pairs, saves=(key_beta, key))
    system = tape.op((raw, pairwise), pairs, saves=(raw, pairwise))
    raw = tape.op((query, key), pairs, saves=(query, key))
    inside = tape.op((raw, pairwise), pairs, saves=(raw, pairwise))
    decayed = tape.op((key_beta,), key.size, saves=(key_beta,))
    new = tape.op((system, value_beta), value.size, saves=(system,), saves_output=True)
    read = tape.op((system, decayed), key.size, saves=(system,), saves_output=True)
    query = tape.op((query,), query.size, saves=(query,))
    key = tape.op((key,), key.size, saves=(key,))
    states = Tensor(per_token(mixer.features * mixer.key_dim * 4 / CHUNK), requires_grad=False)
    corrected = Tensor(value.size, requires_grad=False)
    return tape.op(
        (new, read, query, key, inside),
        value.size,
        saves=(read, query, key, inside, states, corrected),
        backward_temporary=key.size,  # the gradient of one chunk is a tensor of all chunks, added to the others
    )


def _gated_norm(layers: Layers, x: Tensor, entered: list[Tensor], mixer: Mixer, width: int) -> Tensor:
    """RMSNorm in fp32, times its weight, times silu(gate) in fp32 (`Qwen3_5RMSNormGated`)."""
    tape, size = layers.tape, mixer.features
    wide = layers.cast(layers.cast(x, size, 4, width), size, width, 4)
    normal = tape.op((wide,), per_token(size * 4), saves=(wide,))
    narrow = layers.cast(normal, size, 4, width)
    weighted = tape.op((narrow,), per_token(size * width), saves=() if layers.n.frozen else (narrow,))
    gate = layers.cast(entered[1] if len(entered) > 2 else entered[0], size, width, 4)
    opened = tape.op((gate,), per_token(size * 4), saves=(gate,))
    product = tape.op((weighted, opened), per_token(size * 4), saves=(weighted, opened))
    return layers.cast(product, size, 4, width)
