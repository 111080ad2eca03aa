"""Layers that mix tokens without attention: gated delta networks, Mamba-2, short convolutions; per-layer inputs."""

from __future__ import annotations

from collections.abc import Iterator

from tool.architecture.layouts import Layout
from tool.architecture.parts import Linear, layer_kinds
from tool.schema.model import Architecture


def mixer_linears(architecture: Architecture, layout: Layout) -> Iterator[Linear]:
    """Matrices of all layers that are neither attention nor feed-forward."""
    yield from _linear_attention(architecture, layout)
    yield from _mamba(architecture, layout)
    yield from _conv(architecture)
    yield from _per_layer_input(architecture)
    yield from _altup(architecture)


def _linear_attention(architecture: Architecture, layout: Layout) -> Iterator[Linear]:
    spec, layers = architecture.linear_attention, layer_kinds(architecture).count("linear")
    if spec is None or not layers:
        return
    hidden, prefix = architecture.hidden_size, layout.linear
    keys = spec.num_key_heads * spec.key_head_dim
    values, heads = spec.num_value_heads * spec.value_head_dim, spec.num_value_heads
    outputs = {"in_proj_qkv": 2 * keys + values, "in_proj_z": values, "in_proj_b": heads, "in_proj_a": heads}
    if layout.linear_fused:
        outputs = {"in_proj_qkvz": 2 * keys + 2 * values, "in_proj_ba": 2 * heads}
    for name, width in outputs.items():
        yield Linear(f"{prefix}.{name}", hidden, width, layers, "ssm")
    yield Linear(f"{prefix}.out_proj", values, hidden, layers, "ssm")


def _mamba(architecture: Architecture, layout: Layout) -> Iterator[Linear]:
    spec, layers = architecture.mamba, layer_kinds(architecture).count("mamba")
    if spec is None or not layers:
        return
    inner, states = spec.num_heads * spec.head_dim, 2 * spec.n_groups * spec.state_size
    width = 2 * inner + states + spec.num_heads
    yield Linear(f"{layout.mamba}.in_proj", architecture.hidden_size, width, layers, "ssm", spec.proj_bias)
    yield Linear(f"{layout.mamba}.out_proj", inner, architecture.hidden_size, layers, "ssm", spec.proj_bias)


def _conv(architecture: Architecture) -> Iterator[Linear]:
    layers, hidden = layer_kinds(architecture).count("conv"), architecture.hidden_size
    if layers:
        yield Linear("conv.in_proj", hidden, 3 * hidden, layers, "conv", architecture.conv_bias)
        yield Linear("conv.out_proj", hidden, hidden, layers, "conv", architecture.conv_bias)


def _per_layer_input(architecture: Architecture) -> Iterator[Linear]:
    spec, layers, hidden = architecture.per_layer_input, architecture.num_hidden_layers, architecture.hidden_size
    if spec is None:
        return
    yield Linear("per_layer_input_gate", hidden, spec.hidden_size, layers, "mlp")
    yield Linear("per_layer_projection", spec.hidden_size, hidden, layers, "mlp")
    yield Linear("per_layer_model_projection", hidden, layers * spec.hidden_size, 1, "mlp")


def _altup(architecture: Architecture) -> Iterator[Linear]:
    spec, layers, hidden = architecture.altup, architecture.num_hidden_layers, architecture.hidden_size
    if spec is None:
        return
    inputs = spec.num_inputs
    yield Linear("laurel.linear_left", hidden, spec.laurel_rank, layers, "mlp")
    yield Linear("laurel.linear_right", spec.laurel_rank, hidden, layers, "mlp")
    yield Linear("altup.modality_router", hidden, inputs, layers, "mlp")
    yield Linear("altup.correction_coefs", inputs, inputs, layers, "mlp")
    yield Linear("altup.prediction_coefs", inputs, inputs**2, layers, "mlp")
    yield Linear("altup_projections", hidden, hidden, inputs - 1, "mlp")
    yield Linear("altup_unembed_projections", hidden, hidden, inputs - 1, "mlp")


def mixer_extras(architecture: Architecture) -> int:
    """Parameters of convolutions, decay rates, skips and norms inside the mixers."""
    kinds, total = layer_kinds(architecture), 0
    if spec := architecture.linear_attention:
        channels = 2 * spec.num_key_heads * spec.key_head_dim + spec.num_value_heads * spec.value_head_dim
        each = channels * spec.conv_kernel + 2 * spec.num_value_heads + spec.value_head_dim
        total += kinds.count("linear") * each
    if mamba := architecture.mamba:
        inner = mamba.num_heads * mamba.head_dim
        channels = inner + 2 * mamba.n_groups * mamba.state_size
        each = channels * (mamba.conv_kernel + mamba.conv_bias) + 3 * mamba.num_heads + inner
        total += kinds.count("mamba") * each
    total += kinds.count("conv") * architecture.hidden_size * (architecture.conv_kernel + architecture.conv_bias)
    if per_layer := architecture.per_layer_input:
        # one norm per layer on the way back, one on the projection
        total += architecture.num_hidden_layers * architecture.hidden_size + per_layer.hidden_size
    if architecture.altup:
        # a norm of the router, one of the bypass, and a scale for the correction
        total += 3 * architecture.num_hidden_layers * architecture.hidden_size
    return total
