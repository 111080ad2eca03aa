"""Every parameter of a network, counted from its architecture fields. Nothing is loaded or built."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tool.architecture.attention import attention_extras, attention_linears
from tool.architecture.feed_forward import feed_forward_extras, feed_forward_linears, mlp_linears
from tool.architecture.layouts import Layout, layout_of
from tool.architecture.mixers import mixer_extras, mixer_linears
from tool.architecture.parts import Inventory, Linear, Role
from tool.schema.model import Architecture

__all__ = ["Inventory", "Linear", "Role", "inventory"]


def inventory(architecture: Architecture) -> Inventory:
    """Every parameter of the network: linear layers by shape, embedding, output head, and the rest.

    The embedding includes per-layer token embeddings (Gemma 4); learned positions and token types count as other.
    Encoders are counted bare, as `AutoModel` builds them; buffers are not parameters.
    """
    layout = layout_of(architecture.model_type)
    if architecture.is_encoder_decoder:
        linears = tuple(_encoder_decoder_linears(architecture, layout))
    else:
        linears = tuple(_stack_linears(architecture, layout))
    width, vocabulary = architecture.embedding_size or architecture.hidden_size, architecture.vocab_size
    embedding = vocabulary * width
    if spec := architecture.per_layer_input:
        embedding += spec.vocab_size * spec.hidden_size * architecture.num_hidden_layers
    head = 0 if architecture.tie_word_embeddings else vocabulary * width
    return Inventory(linears, embedding, head, _other(architecture))


def _stack_linears(architecture: Architecture, layout: Layout) -> Iterator[Linear]:
    hidden, width = architecture.hidden_size, architecture.embedding_size
    yield from attention_linears(architecture, layout)
    yield from mixer_linears(architecture, layout)
    yield from feed_forward_linears(architecture, layout)
    if architecture.pooler:
        yield Linear("pooler.dense", hidden, hidden, 1, "mlp", True)
    if width is not None and width != hidden:
        yield Linear("decoder.project_in", width, hidden, 1, "mlp")
        yield Linear("decoder.project_out", hidden, width, 1, "mlp")


def _other(architecture: Architecture) -> int:
    """Norms, positions, token types, biases of the head, and the extras of each kind of layer."""
    hidden, layers = architecture.hidden_size, architecture.num_hidden_layers
    norms = architecture.outer_norms + layers * architecture.norms_per_layer
    if architecture.num_decoder_layers:
        # a decoder layer has one norm more, for its cross-attention; each stack has its own outer norms
        norms += architecture.outer_norms + architecture.num_decoder_layers * (architecture.norms_per_layer + 1)
    rows = architecture.position_embeddings + architecture.relative_embeddings + architecture.type_vocab_size
    stacks = 2 if architecture.is_encoder_decoder else 1
    relative = architecture.relative_attention_num_buckets * architecture.num_attention_heads * stacks
    return (
        norms * _norm_size(architecture)
        + rows * hidden
        + relative
        + architecture.vocab_size * architecture.lm_head_bias
        + layers * architecture.scalars_per_layer
        + attention_extras(architecture)
        + feed_forward_extras(architecture)
        + mixer_extras(architecture)
    )


def _norm_size(architecture: Architecture) -> int:
    """Parameters of one norm of hidden size; a LayerNorm without parameters has none."""
    if architecture.norm.startswith("non-parametric"):
        return 0
    return architecture.hidden_size * (2 if architecture.norm_bias else 1)


def _encoder_decoder_linears(architecture: Architecture, layout: Layout) -> Iterator[Linear]:
    """Both stacks; the decoder attends to itself and to the encoder."""
    heads = architecture.decoder_attention_heads or architecture.num_attention_heads
    decoder = architecture.model_copy(
        update={
            "num_hidden_layers": architecture.num_decoder_layers,
            "num_attention_heads": heads,
            "num_key_value_heads": heads,
            "head_dim": architecture.num_attention_heads * architecture.head_dim // heads,
            "intermediate_size": architecture.decoder_intermediate_size or architecture.intermediate_size,
        }
    )
    encoder_names, decoder_names, cross_names = _stack_names(layout, architecture.mlp_type == "gated")
    for stack, names in ((architecture, encoder_names), (decoder, decoder_names)):
        yield from attention_linears(stack, names)
        if stack is decoder:
            yield from attention_linears(stack, cross_names)
        gated, bias = stack.mlp_type == "gated", stack.mlp_bias
        width, layers = stack.intermediate_size, stack.num_hidden_layers
        yield from mlp_linears(names, stack.hidden_size, width, layers, gated, bias)


def _stack_names(layout: Layout, gated: bool) -> tuple[Layout, Layout, Layout]:
    """Names of the encoder, of the decoder, and of its cross-attention. T5 numbers the parts of a block."""
    if layout.cross:
        q, k, v, o = layout.cross
        cross = replace(layout, q=q, k=k, v=v, o=o).within("decoder.")
        return layout.within("encoder."), layout.within("decoder."), cross
    up = layout.up if gated else layout.up.removesuffix("_1")
    names = replace(layout, up=up)
    return _t5_names(names, "encoder", 1), _t5_names(names, "decoder", 2), _t5_cross(names)


def _t5_names(layout: Layout, stack: str, mlp_index: int) -> Layout:
    attention = replace(layout, gate="", up="", down="").within(f"{stack}.layer.0.")
    mlp = layout.within(f"{stack}.layer.{mlp_index}.")
    return replace(attention, gate=mlp.gate, up=mlp.up, down=mlp.down)


def _t5_cross(layout: Layout) -> Layout:
    named = {name: getattr(layout, name).replace("SelfAttention", "EncDecAttention") for name in ("q", "k", "v", "o")}
    return replace(layout, **named).within("decoder.layer.1.")
