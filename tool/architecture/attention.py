"""Attention matrices and norms: multi-head, grouped, fused, latent (MLA), shared keys and values, gates, sinks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tool.architecture.layouts import Layout
from tool.architecture.parts import Linear, layer_kinds
from tool.schema.model import Architecture, LatentAttention

ATTENTION_KINDS = ("full", "sliding", "chunked")


@dataclass(frozen=True)
class AttentionGroup:
    """Attention layers of equal shape. `key_layers` of them own keys, `value_layers` own values."""

    layers: int
    head_dim: int
    key_value_heads: int
    key_layers: int
    value_layers: int


def attention_groups(architecture: Architecture) -> list[AttentionGroup]:
    """Layers that attend, grouped by shape. Sliding and full layers differ only in Gemma 4."""
    kinds = layer_kinds(architecture)
    own_until = len(kinds) - architecture.num_kv_shared_layers
    groups = []
    split = architecture.global_head_dim is not None or architecture.num_global_key_value_heads is not None
    for members in [("sliding", "chunked"), ("full",)] if split else [ATTENTION_KINDS]:
        indices = [index for index, kind in enumerate(kinds) if kind in members]
        owners = sum(index < own_until for index in indices)
        is_global = split and members == ("full",)
        head_dim = (architecture.global_head_dim if is_global else None) or architecture.head_dim
        heads = (architecture.num_global_key_value_heads if is_global else None) or architecture.num_key_value_heads
        values = 0 if is_global and architecture.attention_k_eq_v else owners
        if indices:
            groups.append(AttentionGroup(len(indices), head_dim, heads, owners, values))
    return groups


def attention_linears(architecture: Architecture, layout: Layout) -> Iterator[Linear]:
    """Query, key, value and output projections of all attention layers."""
    for group in attention_groups(architecture):
        if architecture.latent_attention:
            yield from _latent(architecture, architecture.latent_attention, layout, group.layers)
        else:
            yield from _projections(architecture, layout, group)


def _projections(architecture: Architecture, layout: Layout, group: AttentionGroup) -> Iterator[Linear]:
    hidden, bias = architecture.hidden_size, architecture.qkv_bias
    queries = architecture.num_attention_heads * group.head_dim
    keys = group.key_value_heads * group.head_dim
    gated = queries if architecture.attn_output_gate == "element" else 0
    if layout.qkv:
        yield Linear(layout.qkv, hidden, queries + gated + 2 * keys, group.layers, "attention", bias)
    else:
        yield Linear(layout.q, hidden, queries + gated, group.layers, "attention", bias)
        if group.key_layers:
            yield Linear(layout.k, hidden, keys, group.key_layers, "attention", bias)
        if group.value_layers:
            yield Linear(layout.v, hidden, keys, group.value_layers, "attention", bias)
    yield Linear(layout.o, queries, hidden, group.layers, "attention", architecture.attn_out_bias)
    if architecture.attn_output_gate == "head":
        yield Linear(layout.attention_gate, hidden, architecture.num_attention_heads, group.layers, "attention")


def _latent(architecture: Architecture, latent: LatentAttention, layout: Layout, layers: int) -> Iterator[Linear]:
    """DeepSeek's low-rank projections: hidden → rank → heads (arXiv 2405.04434, section 2.1)."""
    hidden, heads = architecture.hidden_size, architecture.num_attention_heads
    queries = heads * (latent.qk_nope_head_dim + latent.qk_rope_head_dim)
    prefix, down_bias = layout.q.rpartition(".")[0], architecture.qkv_bias
    if latent.q_lora_rank is None:
        yield Linear(f"{prefix}.q_proj", hidden, queries, layers, "attention")
    else:
        yield Linear(f"{prefix}.q_a_proj", hidden, latent.q_lora_rank, layers, "attention", down_bias)
        yield Linear(f"{prefix}.q_b_proj", latent.q_lora_rank, queries, layers, "attention")
    compressed = latent.kv_lora_rank + latent.qk_rope_head_dim
    keys_and_values = heads * (latent.qk_nope_head_dim + latent.v_head_dim)
    yield Linear(f"{prefix}.kv_a_proj_with_mqa", hidden, compressed, layers, "attention", down_bias)
    yield Linear(f"{prefix}.kv_b_proj", latent.kv_lora_rank, keys_and_values, layers, "attention")
    yield Linear(layout.o, heads * latent.v_head_dim, hidden, layers, "attention", architecture.attn_out_bias)


def attention_extras(architecture: Architecture) -> int:
    """Parameters of query and key norms, latent norms and sinks."""
    heads, total = architecture.num_attention_heads, 0
    for group in attention_groups(architecture):
        if latent := architecture.latent_attention:
            total += group.layers * (latent.kv_lora_rank + (latent.q_lora_rank or 0))
        queries, keys = heads * group.head_dim, group.key_value_heads * group.head_dim
        widths = {
            "none": (0, 0),
            "head": (group.head_dim, group.head_dim),
            "head_with_bias": (2 * group.head_dim, 2 * group.head_dim),
            "projection": (queries, keys),
            "per_head": (queries, keys),
        }[architecture.query_key_norm]
        total += group.layers * widths[0] + group.key_layers * widths[1]
        total += group.layers * heads * architecture.attention_sinks
    return total
