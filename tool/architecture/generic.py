"""A typical modern dense decoder of a given size, for requests that know nothing but the number of parameters."""

from __future__ import annotations

from tool.errors import BadRequest
from tool.schema.model import Architecture

SMALLEST, LARGEST = 1e6, 1e13
"""Parameters; outside these a size is a mistake."""

# Power laws hidden = c · parameters^p, fitted by least squares in logarithms to the registry's dense gated RMSNorm
# decoders (101 distinct shapes of 0.1e9–405e9 parameters, 2026-11; residual factor 1.32 for the width). The number of
# layers then follows from the size. test_generic.py fits it again.
WIDTH_FACTOR, WIDTH_POWER = 0.2808, 0.4145
MLP_RATIO = 3.5
"""Median of intermediate_size / hidden_size of the same shapes."""
VOCABULARY = 131_072
"""Median of the same shapes, rounded to a multiple of 1024; the smaller models have 151,936, the larger 128,256."""
TIED_BELOW = 4e9
"""Most models below this share the embedding with the output head, most above do not."""
HEAD_DIM, SMALL_HEAD_DIM = 128, 64
"""Width of a head; the smaller one below 1e9 parameters (medians of the same shapes)."""
QUERIES_PER_KEY = 4


def architecture_for_size(parameters: float) -> Architecture:
    """A dense Llama-like decoder with about so many parameters (within 3 %).

    Width by the power law, as many layers as the size asks for, then the MLP width takes up the rest. Raises
    BadRequest for a size that no model has.
    """
    if not SMALLEST <= parameters <= LARGEST:
        raise BadRequest(
            "params_b", f"{parameters / 1e9:g} billion parameters cannot be", "give billions, as in 7 or 0.5"
        )
    head_dim = SMALL_HEAD_DIM if parameters < 1e9 else HEAD_DIM
    hidden = _multiple(WIDTH_FACTOR * parameters**WIDTH_POWER, QUERIES_PER_KEY * head_dim)
    tied = parameters < TIED_BELOW
    vocabulary = _vocabulary(parameters, hidden, tied)
    body = parameters - vocabulary * hidden * (1 if tied else 2)
    attention = hidden * hidden * (2 + 2 / QUERIES_PER_KEY)
    layers = max(1, round(body / (attention + 3 * MLP_RATIO * hidden * hidden)))
    width = _multiple((body / layers - attention) / (3 * hidden), 32)
    return _llama(hidden, layers, width, vocabulary, head_dim, tied)


def _vocabulary(parameters: float, hidden: int, tied: bool) -> int:
    """The usual vocabulary, or a smaller one where it would be more than half of a tiny model."""
    most = parameters / 2 / hidden / (1 if tied else 2)
    return int(min(VOCABULARY, max(256, most)))


def _llama(hidden: int, layers: int, width: int, vocabulary: int, head_dim: int, tied: bool) -> Architecture:
    heads = hidden // head_dim
    return Architecture(
        architecture="LlamaForCausalLM",
        model_type="llama",
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads // QUERIES_PER_KEY,
        head_dim=head_dim,
        intermediate_size=width,
        vocab_size=vocabulary,
        tie_word_embeddings=tied,
    )


def _multiple(value: float, step: int) -> int:
    """The nearest positive multiple of `step`."""
    return max(step, step * round(value / step))
