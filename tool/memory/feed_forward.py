"""The feed-forward part of each layer, and the pairing of mixers with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tool.architecture.inventory import Inventory
from tool.architecture.parts import feed_forward_layers, layer_kinds
from tool.memory.blocks import Block
from tool.memory.layers import Matrix
from tool.schema.model import Architecture, Experts

Counted = tuple[Block, int]
_WAYS = ("gate", "up", "gate_up", "down")


def with_feed_forward(
    architecture: Architecture, counted: Inventory, base: Block, mixers: Sequence[Counted]
) -> list[Counted]:
    """Give each mixer layer its feed-forward part. Layers that are nothing but one stay alone (Nemotron-H)."""
    kinds, spec = layer_kinds(architecture), architecture.experts
    layers = len(feed_forward_layers(architecture))
    sparse = (kinds.count("moe") or layers - spec.dense_layers) if spec is not None else 0
    parts = _dense(architecture, counted, base, layers - sparse)
    if spec is not None and sparse:
        parts.append((_sparse(architecture, spec, base), sparse))
    if not mixers or any(kind in ("mlp", "moe") for kind in kinds):
        return [*mixers, *parts]
    return _pair(mixers, parts)


def _dense(architecture: Architecture, counted: Inventory, base: Block, layers: int) -> list[Counted]:
    """Plain layers, by width: Gemma 4's layers that share keys are twice as wide."""
    if not layers:
        return []
    plain = architecture.intermediate_size
    widths: dict[int, int] = {}
    for linear in counted.linears:
        if linear.role == "mlp" and linear.out_features in (plain, 2 * plain) and linear.name.endswith("up_proj"):
            widths[linear.out_features] = widths.get(linear.out_features, 0) + linear.count
    if not architecture.use_double_wide_mlp or sum(widths.values()) != layers:
        return [(replace(base, intermediate=plain), layers)]
    return [(_of_width(base, plain, width), count) for width, count in sorted(widths.items())]


def _of_width(base: Block, plain: int, width: int) -> Block:
    """The same block with a feed-forward part of another width."""
    resized = dict(base.matrices)
    for name in ("gate", "up"):
        resized[name] = replace(resized[name], outputs=width)
    resized["down"] = replace(resized["down"], inputs=width)
    return replace(base, intermediate=width, matrices=resized if width != plain else base.matrices)


def _sparse(architecture: Architecture, spec: Experts, base: Block) -> Block:
    """A layer of experts, with its shared ones or the dense part beside them."""
    renamed: dict[str, Matrix] = dict(base.matrices)
    for name in _WAYS:
        if f"s_{name}" in base.matrices and not spec.beside_mlp:
            renamed[name] = base.matrices[f"s_{name}"]
    return replace(
        base,
        matrices=renamed,
        intermediate=architecture.intermediate_size if spec.beside_mlp else spec.shared_intermediate_size,
        experts=spec.num_experts,
        experts_per_token=float(spec.num_experts_per_tok),
        expert_intermediate=spec.intermediate_size,
    )


def _pair(mixers: Sequence[Counted], parts: Sequence[Counted]) -> list[Counted]:
    """Walk both lists together: the first layers of one get the first of the other."""
    paired: list[Counted] = []
    waiting = list(parts)
    for mixer, layers in mixers:
        left = layers
        while left > 0 and waiting:
            part, available = waiting.pop(0)
            taken = min(left, available)
            joined = replace(part, attention=mixer.attention, mixer=mixer.mixer)
            paired.append((joined, taken))
            left -= taken
            if available > taken:
                waiting.insert(0, (part, available - taken))
        if left > 0:
            paired.append((mixer, left))
    return paired
