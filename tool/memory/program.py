"""A setup → the moments of a training step that can be its peak, each a linear form in tokens and scores.

Phases: load, forward, backward, optimizer. Weights, adapters and optimizer states live throughout (a second step is
assumed: states exist before its backward pass). Peak = the largest moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tool.memory import played
from tool.memory.blocks import Block, selectively_kept
from tool.memory.loss import Head
from tool.memory.setup import Setup
from tool.memory.shapes import blocks_of, head_widths
from tool.memory.states import States, count
from tool.memory.tape import INDEX, TERMS, Vector

PHASES = ("load", "forward", "backward", "optimizer")
GIB = float(1 << 30)
CUBLAS_WORKSPACE = 8.125 * 2**20
"""Bytes of torch's default cuBLAS workspace (:4096:2:16:8 KiB), taken through the caching allocator."""


@dataclass(frozen=True)
class Program:
    """`moments`: (moment, term, coefficient) in bytes; `phases`: index into PHASES for each moment."""

    moments: Vector
    phases: Vector
    states: States
    blocks: tuple[tuple[Block, int], ...]

    @cached_property
    def _totals(self) -> Vector:
        totals: Vector = self.moments.sum(axis=1)
        return totals

    def totals(self) -> Vector:
        """(moment, coefficient): all terms together."""
        return self._totals


def _static(states: States) -> Vector:
    base = np.zeros((len(TERMS), 3))
    base[INDEX["weights"], 0] = states.weights
    base[INDEX["quantization_scales"], 0] = states.scales
    base[INDEX["adapters"], 0] = states.adapters
    base[INDEX["optimizer_states"], 0] = states.optimizer
    base[INDEX["master_weights"], 0] = states.master
    base[INDEX["reference_model"], 0] = states.reference
    base[INDEX["workspace"], 0] = CUBLAS_WORKSPACE
    return base


class _Builder:
    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.states = count(setup)
        self.static = _static(self.states)
        self.moments: list[Vector] = []
        self.phases: list[int] = []
        n = setup.numbers
        self.blocks = blocks_of(
            setup.architecture,
            setup.counted,
            setup.targets,
            experts=setup.expert_adapters,
            packed=setup.packing is not None,
            # fused adapters are Unsloth's, which runs attention with sinks by flex attention
            kernel="flash" if setup.kernel == "sdpa" and n.fused_lora else setup.kernel,
            expanded=setup.expanded,
            expert_loop=setup.expert_loop,
        )
        self.layers = sum(layers for _, layers in self.blocks)
        self.checkpoint = np.zeros((len(TERMS), 3))
        if not setup.offload:
            self.checkpoint[INDEX["checkpoints"], 1] = setup.architecture.hidden_size * n.hidden
        self.full = setup.method == "full"
        width, vocabulary = head_widths(setup.architecture)
        self.table = min(float(width * vocabulary), float(setup.counted.embedding))
        classifies = setup.loss.kernel == "none"  # no output head, nothing that could be tied to the embedding
        self.tied = setup.architecture.tie_word_embeddings and not classifies
        self.head = 0.0 if classifies else float(setup.counted.lm_head or self.table)
        self.held = np.zeros_like(self.checkpoint)
        self.cached = np.zeros_like(self.checkpoint)
        if self.full and n.autocast and n.weight > n.compute and setup.checkpointing != "none":
            # autocast keeps its 16-bit copies of trained weights to the end of the forward pass
            self.cached[INDEX["autocast_copies"], 0] = setup.counted.linear * n.compute

    def add(self, phase: str, rows: Vector, base: Vector) -> None:
        """Moments of a phase: what changes (one row a moment) on top of what is there throughout."""
        self.moments.append(rows + base)
        self.phases += [PHASES.index(phase)] * len(rows)

    def moment(self, phase: str, row: Vector) -> None:
        self.add(phase, row[None], np.zeros_like(row))

    def gradient(self, size: float) -> Vector:
        row = np.zeros((len(TERMS), 3))
        row[INDEX["gradients"], 0] = size
        return row

    def gathered(self, gradients: bool) -> Vector:
        """Whole parameters of the layers under way, and of the root unit, under FSDP or ZeRO-3."""
        row = np.zeros((len(TERMS), 3))
        setup, states = self.setup, self.states
        if setup.gpus < 2:
            return row
        width = setup.numbers.compute
        if setup.sharding in ("fsdp", "zero3"):
            per_parameter = width
            if setup.packing is not None:
                per_parameter = setup.packing.weight + setup.packing.scales  # type: ignore[assignment]
            root = states.largest_root if setup.root_apart else states.root_parameters
            size = states.layer_parameters * per_parameter + root * width
            if gradients and self.full:
                size += states.layer_parameters * width
            row[INDEX["sharding_buffers"], 0] = size
        elif setup.sharding in ("zero1", "zero2"):
            row[INDEX["sharding_buffers"], 0] = 2 * 5e8 * width if self.full else 2 * states.trainable * width
        elif setup.ddp:
            row[INDEX["sharding_buffers"], 0] = self.states.gradients
        return row

    def build(self) -> Program:
        kept = self._kept_between()
        self._forward(kept)
        self._loss(kept)
        self._backward(kept)
        self._generation()
        self._optimizer()
        load = self.static[None].copy()
        load[0, INDEX["optimizer_states"]] = 0.0
        moments = np.concatenate([load, *self.moments])
        phases = np.array([0, *self.phases])
        return Program(moments, phases, self.states, self.blocks)

    def _kept_between(self) -> list[Vector]:
        """What each kind of layer leaves for backward."""
        kept = []
        for block, _ in self.blocks:
            if self.setup.checkpointing == "full":
                kept.append(self.checkpoint)
                continue
            if block.silent and self.setup.checkpointing == "none":
                kept.append(np.zeros_like(self.checkpoint))
                continue
            saved = played.saved(block, self.setup.numbers).size
            if self.setup.checkpointing == "selective":
                saved = self.checkpoint + selectively_kept(block, self.setup.numbers.compute)
            elif self.setup.offload:
                saved = saved * 0.0
            kept.append(saved)
        return kept

    def _all_kept(self, kept: list[Vector]) -> Vector:
        """What all layers of this GPU leave for backward; a model split over GPUs has a share of them on each."""
        total = np.zeros_like(self.checkpoint)
        for each, (_, layers) in zip(kept, self.blocks, strict=True):
            total += each * layers
        return total / self.setup.gpus if self.setup.sharding == "split" else total

    def _forward(self, kept: list[Vector]) -> None:
        everything = self._all_kept(kept)
        gathered = self.gathered(gradients=False)
        for mine, (block, _) in zip(kept, self.blocks, strict=True):
            keeps = self.setup.checkpointing == "none" and not block.silent
            base = self.static + everything + gathered + self.cached
            if keeps and not self.setup.offload:
                known = played.saved(block, self.setup.numbers).with_input
                base = base - mine + self.checkpoint * (0 if known else 1)
            self.add("forward", played.forward(block, self.setup.numbers, keeps), base)

    def _loss(self, kept: list[Vector]) -> None:
        everything = self._all_kept(kept)
        ending = played.ending(Head.of(self.setup))
        hidden = np.zeros_like(everything)
        hidden[INDEX["layer_activations"], 1] = self.setup.architecture.hidden_size * self.setup.numbers.hidden
        base = self.static + everything + hidden + self.gathered(gradients=False) + self.cached
        self.add("forward", ending.forward, base)
        self.held = ending.held
        self.add("backward", ending.backward, self.static + everything + hidden + self.gathered(gradients=True))

    def _backward(self, kept: list[Vector]) -> None:
        """The first layer that goes back (all kept, few gradients) and the last one (all gradients, little kept)."""
        everything = self._all_kept(kept)
        setup, states = self.setup, self.states
        gathered = self.gathered(gradients=True) + self.held
        head = self.head * setup.numbers.gradient if self.full else 0.0
        recomputes = setup.checkpointing != "none"
        settles = setup.sharding not in ("none", "ddp") or setup.in_backward
        early = head if setup.sharding in ("none", "ddp") or setup.gpus < 2 else head / setup.gpus
        for mine, (block, _) in zip(kept, self.blocks, strict=True):
            if block.silent and setup.checkpointing == "none":
                continue
            back = played.backward(block, setup.numbers, recomputes, setup.reentrant, settles)
            inside = back.gradients if self.full and not settles else 0.0
            own = mine if setup.checkpointing == "none" else np.zeros_like(mine)
            start = early if self.tied or not setup.in_backward else 0.0
            adapters = 0.0 if self.full else states.gradients
            first = self.static + everything - own + gathered + self.gradient(start + adapters)
            self.add("backward", back.rows, first)
            waits = self._embedding_gradient()
            done = states.gradients - inside - waits if self.full else states.gradients
            one = mine if setup.checkpointing != "none" else np.zeros_like(mine)
            if setup.keeps_inputs and setup.checkpointing == "full":
                one = everything * (2.0 - 1.0 / self.layers)
            last = self.static + one + gathered + self.gradient(max(0.0, done))
            self.add("backward", back.rows, last)

        self._embedding()

    def _embedding_gradient(self) -> float:
        """Bytes of the embedding's gradient, which is made last; a tied one exists already, from the head.

        Gemma's embeddings for each layer are never tied.
        """
        setup = self.setup
        if not self.full or setup.in_backward:
            return 0.0
        made = self.table if self.tied else 0.0
        alone = setup.sharding in ("none", "split") or setup.gpus < 2
        return (setup.counted.embedding - made) * setup.numbers.gradient if alone else 0.0

    def _embedding(self) -> None:
        """The end of backward: every gradient, and for a tied embedding two that are then added into a third."""
        if not self.full or self.setup.in_backward:
            return
        setup = self.setup
        row = self.static + self.gradient(self.states.gradients)
        row[INDEX["layer_activations"], 1] = setup.architecture.hidden_size * setup.numbers.hidden
        if self.tied and (setup.sharding == "none" or setup.gpus < 2):
            row[INDEX["gradients"], 0] += 2.0 * self.table * setup.numbers.gradient
        self.moment("backward", row)

    def _generation(self) -> None:
        """Keys and values of all layers while completions are sampled (GRPO), with nothing of training alive."""
        if not self.setup.generates:
            return
        row = self.static.copy()
        for block, layers in self.blocks:
            if block.attention is not None:
                heads = 2 * block.attention.kv_heads * block.attention.head_dim
                row[INDEX["generation_cache"], 1] += layers * heads * self.setup.numbers.compute
        self.moment("forward", row)

    def _optimizer(self) -> None:
        row = self.static + self.gradient(self.states.gradients)
        row[INDEX["optimizer_temporary"], 0] = self.states.temporary
        self.moment("optimizer", row)


def assemble(setup: Setup) -> Program:
    """Every moment that can be the peak of some batch."""
    return _Builder(setup).build()
