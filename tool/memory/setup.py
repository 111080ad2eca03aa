"""A configuration with nothing left open: what the arithmetic needs, and no more."""

from __future__ import annotations

from dataclasses import dataclass

from tool.architecture.inventory import Inventory
from tool.memory.layers import Numbers
from tool.schema.model import Architecture


@dataclass(frozen=True)
class Packing:
    """How quantised matrices are stored: bytes per weight, and bytes of scales per weight."""

    weight: float
    scales: float


@dataclass(frozen=True)
class Optimizer:
    """Bytes that an optimizer keeps per trainable parameter of width w: `fixed` + `relative` · w.

    `temporary` is what a step allocates, in bytes per parameter per byte of width, for all parameters at once
    (foreach); `largest` the same for the largest matrix alone, `largest_fixed` in bytes per parameter of it.
    `factored`: states hold rows and columns only. `paged`: states live in memory that the driver may move to the host.
    """

    name: str
    fixed: float = 0.0
    relative: float = 0.0
    temporary: float = 0.0
    largest: float = 0.0
    largest_fixed: float = 0.0
    factored: bool = False
    paged: bool = False


@dataclass(frozen=True)
class Loss:
    """How the loss is computed from the last hidden state.

    `kernel`: softmax (log_softmax of whole fp32 logits), in_place (a fused cross entropy that overwrites its input),
    chunked (whole logits, loss in chunks), chunked_linear (logits made and dropped chunk by chunk), fused_linear
    (loss and gradient in one pass over chunks), cut (no logits at all). `upcast`: logits are copied to fp32;
    `shift_copy`: shifted logits are copied; `holds`: the caller keeps the logits during backward.
    """

    kernel: str
    upcast: bool = True
    shift_copy: bool = False
    holds: bool = False
    chunks: int = 8
    rebinds: bool = False


@dataclass(frozen=True)
class Setup:
    """One configuration, ready to be priced for any micro-batch and length."""

    architecture: Architecture
    counted: Inventory
    method: str
    numbers: Numbers
    packing: Packing | None
    base_width: float
    kept_width: float
    targets: tuple[str, ...]
    expert_adapters: bool
    packed_experts: bool
    full_copies: int
    optimizer: Optimizer
    checkpointing: str
    offload: bool
    kernel: str
    expanded: bool
    loss: Loss
    sharding: str
    gpus: int
    sequences: int
    reference_model: bool
    in_backward: bool
    master_width: float
    cpu_offload: bool
    generates: bool
    ddp: bool
    root_apart: bool
    context_parallel: int
    keeps_inputs: bool
    reentrant: bool
    constant_lengths: bool
    mixed_shapes: bool
    expandable: bool
    expert_loop: bool
    profile_known: bool
    head_adapted: bool
