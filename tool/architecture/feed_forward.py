"""Feed-forward matrices: gated or plain MLPs, experts with their routers, shared experts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tool.architecture.layouts import Layout
from tool.architecture.parts import Linear, Role, feed_forward_layers, layer_kinds
from tool.schema.model import Architecture, Experts


def mlp_linears(
    layout: Layout, hidden: int, width: int, layers: int, gated: bool, bias: bool, role: Role = "mlp"
) -> Iterator[Linear]:
    """Up (with its gate) and down matrices of `layers` equal MLPs."""
    if gated and layout.gate_up:
        yield Linear(layout.gate_up, hidden, 2 * width, layers, role, bias)
    else:
        if gated:
            yield Linear(layout.gate, hidden, width, layers, role, bias)
        yield Linear(layout.up, hidden, width, layers, role, bias)
    yield Linear(layout.down, width, hidden, layers, role, bias)


def feed_forward_linears(architecture: Architecture, layout: Layout) -> Iterator[Linear]:
    """Every feed-forward matrix of the network."""
    gated = architecture.mlp_type == "gated"
    for width, layers in sorted(_dense_widths(architecture).items()):
        yield from mlp_linears(layout, architecture.hidden_size, width, layers, gated, architecture.mlp_bias)
    if architecture.experts:
        yield from _expert_linears(architecture, architecture.experts, layout)


def moe_layers(architecture: Architecture) -> int:
    """Layers with experts."""
    if architecture.experts is None:
        return 0
    kinds = layer_kinds(architecture)
    return kinds.count("moe") or len(feed_forward_layers(architecture)) - architecture.experts.dense_layers


def _dense_widths(architecture: Architecture) -> dict[int, int]:
    """Dense MLP width → number of layers with it."""
    kinds = layer_kinds(architecture)
    layers = feed_forward_layers(architecture)
    experts = architecture.experts
    if "moe" in kinds:
        layers = [index for index in layers if kinds[index] == "mlp"]
    elif experts and not experts.beside_mlp:
        layers = layers[: experts.dense_layers]
    first_shared = len(kinds) - architecture.num_kv_shared_layers
    double = architecture.use_double_wide_mlp
    factor = {index: 2 if double and index >= first_shared else 1 for index in layers}
    return dict(Counter(architecture.intermediate_size * factor[index] for index in layers))


def _expert_linears(architecture: Architecture, experts: Experts, layout: Layout) -> Iterator[Linear]:
    hidden, layers = architecture.hidden_size, moe_layers(architecture)
    inner = experts.latent_size or hidden
    count, each = layers * experts.num_experts, experts.num_experts
    prefix = layout.experts
    yield Linear(layout.router, hidden, experts.num_experts, layers, "router", experts.router_bias)
    for name in ("gate_proj", "up_proj") if experts.gated else ("up_proj",):
        size = experts.intermediate_size
        yield Linear(f"{prefix}.{name}", inner, size, count, "expert", experts.expert_bias, each)
    width, bias = experts.intermediate_size, experts.expert_bias
    yield Linear(f"{prefix}.down_proj", width, inner, count, "expert", bias, each)
    if experts.latent_size:
        owner = layout.router.rpartition(".")[0]
        yield Linear(f"{owner}.fc1_latent_proj", hidden, inner, layers, "shared_expert", architecture.mlp_bias)
        yield Linear(f"{owner}.fc2_latent_proj", inner, hidden, layers, "shared_expert", architecture.mlp_bias)
    if experts.shared_intermediate_size:
        yield from _shared(architecture, experts, layout, layers)


def _shared(architecture: Architecture, experts: Experts, layout: Layout, layers: int) -> Iterator[Linear]:
    prefix, hidden, width = layout.shared, architecture.hidden_size, experts.shared_intermediate_size
    if layout.shared_fused:
        fused, down = layout.shared_fused
        names = Layout(gate_up=fused, down=down)
    else:
        names = Layout(gate=f"{prefix}.gate_proj", up=f"{prefix}.up_proj", down=f"{prefix}.down_proj")
    bias = architecture.mlp_bias
    yield from mlp_linears(names, hidden, width, layers, experts.gated, bias, "shared_expert")
    if experts.shared_gate:
        yield Linear(f"{prefix}_gate", hidden, 1, layers, "shared_expert")


def feed_forward_extras(architecture: Architecture) -> int:
    """Learned router scales: one per feature and one per expert (Gemma 4)."""
    experts = architecture.experts
    if experts is None or not experts.router_scales:
        return 0
    return moe_layers(architecture) * (architecture.hidden_size + experts.num_experts)
