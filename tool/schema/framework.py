"""What a training framework does that decides memory: declared habits with a source, never fitted factors."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tool.schema.base import Record, Source

LossKernel = Literal[
    "softmax", "in_place", "chunked", "chunked_linear", "fused_linear", "cut", "rowwise", "tiled", "none"
]


class LossHabit(Record):
    """How the loss is computed; the words are those of `tool.memory.setup.Loss`."""

    kernel: LossKernel = "softmax"
    upcast: bool = True
    """Logits are copied to fp32."""
    shift_copy: bool = False
    """Shifted logits are copied once more."""
    holds: bool = False
    """The caller keeps the logits while it goes backward."""
    rebinds: bool = False
    """What is kept is the fp32 copy."""
    chunks: int = Field(default=8, ge=1)


class Framework(Record):
    """Habits of one framework. `matches` are found in the `framework` of a request, letter case aside.

    `adapter_dtype`: fp32, or that of the model. `full_weights`: pure (stored in the training type) or masters (fp32
    under autocast) when the request does not say. `compile_fuses`: torch.compile fuses norms, rotations and
    activation functions, so that autograd keeps less.
    """

    id: str
    title: str
    matches: tuple[str, ...] = ()
    measured: bool = True
    """Published runs bear the habits out; else forecasts follow them, under the bound of an unknown framework."""
    adapter_dtype: Literal["fp32", "base"] = "fp32"
    autocast: bool = True
    full_weights: Literal["pure", "masters"] = "pure"
    kbit_preparation: bool = True
    adamw: Literal["foreach", "fused", "loop"] = "foreach"
    optimizer: str = "adamw"
    grad_checkpointing: bool = True
    attention: Literal["eager", "sdpa", "flash"] = "sdpa"
    lora_r: int = Field(default=16, ge=1)
    lora_targets: str = "q,v"
    lora_dropout: bool = False
    quant: str = "nf4"
    offloads_checkpoints: bool = False
    packed_experts: bool = True
    """Expert matrices are packed by bitsandbytes: they are linear modules, or the framework packs parameters too."""
    expert_adapters: bool = False
    """Adapters named gate, up or down reach the expert matrices."""
    repeats_keys: bool = False
    """SDPA gets keys and values repeated for every head."""
    repeats_keys_in: tuple[str, ...] = ()
    """Model types whose flash attention gets repeated keys and values as well."""
    grouped_sdpa: bool = False
    """Without a mask, SDPA gets grouped keys as they are (transformers 5): only flash attention takes those."""
    fsdp_keeps_inputs: bool = True
    """FSDP1: hooks of units without trainable parameters keep layer inputs and their gradients to the end."""
    fsdp_root: Literal["whole", "apart"] = "whole"
    """Embedding and head are gathered together for the whole step, or each for its own use."""
    tokens_per_rank: int | None = None
    """Longer sequences are split over GPUs (context parallelism) so that no rank holds more tokens than this."""
    reentrant_checkpoints: bool = False
    """The output of a recomputed layer lives through its backward pass."""
    liger_fuses_layers: bool = True
    """Liger stands for norms, rotation and feed-forward too, not for the loss alone."""
    mixed_shapes: bool = False
    """Evaluation runs between the training steps by default, so the allocator sees batches of many shapes."""
    expandable_segments: bool = False
    """The allocator may grow its segments (PYTORCH_CUDA_ALLOC_CONF), which leaves no gaps between blocks."""
    expert_loop: bool = False
    """Experts run one after another, so that backward touches one at a time."""
    fused_kernels: tuple[str, ...] = ()
    compile: bool = False
    loss: LossHabit = LossHabit()
    loss_when_chunked: LossHabit = LossHabit(kernel="fused_linear")
    constant_lengths: bool = False
    """Padded batches all have the full length (a measuring loop, or a loader that pads to the maximum)."""
    sources: tuple[Source, ...] = Field(min_length=1)
