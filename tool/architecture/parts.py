"""The result types of the inventory, and the kinds of a network's layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tool.schema.model import Architecture, LayerKind

Role = Literal["attention", "mlp", "expert", "router", "shared_expert", "ssm", "conv"]


@dataclass(frozen=True)
class Linear:
    """`count` equal weight matrices of shape (out_features, in_features), named by module suffix.

    `per_layer` is how many of them one layer of its kind holds (1, or the number of experts).
    """

    name: str
    in_features: int
    out_features: int
    count: int
    role: Role
    bias: bool = False
    per_layer: int = 1

    @property
    def parameters(self) -> int:
        return self.count * self.out_features * (self.in_features + (1 if self.bias else 0))


@dataclass(frozen=True)
class Inventory:
    """Parameter counts of one network. `other` holds norms, positions, convolutions and whatever is no matrix.

    `lm_head` is 0 when the output projection is tied to the embedding.
    """

    linears: tuple[Linear, ...]
    embedding: int
    lm_head: int
    other: int

    @property
    def linear(self) -> int:
        """Parameters of all linear layers but the output head."""
        return sum(linear.parameters for linear in self.linears)

    @property
    def total(self) -> int:
        return self.linear + self.embedding + self.lm_head + self.other


def layer_kinds(architecture: Architecture) -> tuple[LayerKind, ...]:
    """The kind of every layer; all attend to everything unless the architecture says otherwise."""
    full: tuple[LayerKind, ...] = ("full",)
    return architecture.layer_kinds or full * architecture.num_hidden_layers


def feed_forward_layers(architecture: Architecture) -> list[int]:
    """Indices of layers with a feed-forward part.

    Where some layers are nothing but an MLP or experts (Nemotron-H), only those have one; else all do.
    """
    kinds = layer_kinds(architecture)
    alone = [index for index, kind in enumerate(kinds) if kind in ("mlp", "moe")]
    return alone or list(range(len(kinds)))
