"""What does not depend on the batch: weights, scales, adapters, gradients and optimizer states."""

from __future__ import annotations

from dataclasses import dataclass

from tool.architecture.inventory import Linear
from tool.memory.setup import Setup
from tool.memory.shapes import adapted, head_widths


@dataclass(frozen=True)
class States:
    """Bytes on one GPU, by what they are. `trainable` counts parameters, before sharding."""

    trainable: float
    weights: float
    scales: float
    adapters: float
    gradients: float
    optimizer: float
    temporary: float
    master: float
    reference: float
    layer_parameters: float
    root_parameters: float
    largest_root: float


def is_packed(linear: Linear, setup: Setup) -> bool:
    """Whether the quantiser packs this matrix: linear modules, and experts where they are modules."""
    if setup.packing is None or linear.role == "router":
        return False
    return setup.packed_experts or linear.role != "expert"


def adapter_parameters(setup: Setup) -> tuple[float, float]:
    """(parameters of all adapters, of the largest single adapter matrix)."""
    rank, total, largest = setup.numbers.rank, 0.0, 0.0
    for linear in setup.counted.linears:
        if adapted(linear, setup.targets, setup.expert_adapters):
            each = rank * (linear.in_features + linear.out_features)
            each += linear.out_features if setup.numbers.dora else 0
            total += each * linear.count
            largest = max(largest, rank * max(linear.in_features, linear.out_features))
    if setup.head_adapted:
        width, vocabulary = head_widths(setup.architecture)
        total += rank * (width + vocabulary)
    return total, largest


def count(setup: Setup) -> States:
    """Bytes of everything that stays from step to step, on the worst rank."""
    counted, full = setup.counted, setup.method == "full"
    share = 1.0 / setup.gpus if setup.sharding in ("fsdp", "zero3", "split") else 1.0
    here = 0.0 if setup.cpu_offload and setup.sharding in ("fsdp", "zero3") else share
    weights, scales = _weights(setup)
    adapters, largest = (0.0, 0.0) if full else adapter_parameters(setup)
    trainable = counted.total if full else adapters + setup.full_copies
    if full:
        largest = float(max((line.in_features * line.out_features for line in counted.linears), default=0))
        largest = max(largest, float(counted.embedding))
    width = setup.base_width if full else setup.numbers.adapter
    updated = _Updated(setup, trainable, largest, setup.master_width or width, width)
    layers = max(1, setup.architecture.num_hidden_layers + (setup.architecture.num_decoder_layers or 0))
    return States(
        trainable=trainable,
        weights=weights * here,
        scales=scales * here,
        adapters=(adapters + setup.full_copies) * setup.numbers.adapter * share,
        gradients=updated.gradients(),
        optimizer=updated.states(),
        temporary=updated.temporary(),
        master=updated.masters(),
        reference=counted.total * setup.base_width * share if setup.reference_model else 0.0,
        layer_parameters=counted.linear / layers,
        root_parameters=float(counted.embedding + counted.lm_head),
        largest_root=float(max(counted.embedding, counted.lm_head)),
    )


def _weights(setup: Setup) -> tuple[float, float]:
    """(bytes of weights, of quantisation scales) of the whole model."""
    counted = setup.counted
    packed = float(sum(linear.parameters for linear in counted.linears if is_packed(linear, setup)))
    kept = counted.embedding + counted.other + counted.lm_head
    weights = (counted.linear - packed) * setup.base_width + kept * setup.kept_width
    if setup.packing is None:
        return weights, 0.0
    return weights + packed * setup.packing.weight, packed * setup.packing.scales


@dataclass(frozen=True)
class _Updated:
    """What the optimizer touches. `width` is that of its states, `gradient_width` that of the gradients."""

    setup: Setup
    trainable: float
    largest: float
    width: float
    gradient_width: float

    def _share(self, *shardings: str) -> float:
        if self.setup.cpu_offload:
            return 0.0
        return 1.0 / self.setup.gpus if self.setup.sharding in (*shardings, "split") else 1.0

    def gradients(self) -> float:
        if self.setup.in_backward:
            return self.largest * self.gradient_width
        return self.trainable * self.gradient_width * self._share("fsdp", "zero2", "zero3")

    def states(self) -> float:
        optimizer = self.setup.optimizer
        if optimizer.paged:
            return 0.0
        kept = self.trainable * (optimizer.fixed + optimizer.relative * self.width)
        if optimizer.factored:
            kept = _factored(self.setup, self.trainable)
        return kept * self._share("fsdp", "zero1", "zero2", "zero3")

    def temporary(self) -> float:
        """What a step allocates; in backward, one parameter at a time."""
        if self.setup.in_backward:
            return self.largest * self.width
        optimizer = self.setup.optimizer
        whole = self.trainable * optimizer.temporary * self.width
        single = self.largest * (optimizer.largest * self.width + optimizer.largest_fixed)
        return (whole + single) * self._share("fsdp", "zero1", "zero2", "zero3")

    def masters(self) -> float:
        return self.trainable * self.setup.master_width * self._share("fsdp", "zero1", "zero2", "zero3")


def _factored(setup: Setup, trainable: float) -> float:
    """Adafactor keeps one number per row and column, in fp32 (Shazeer and Stern 2018)."""
    if setup.method != "full":
        return trainable * 0.5
    total = sum(linear.count * (linear.in_features + linear.out_features) for linear in setup.counted.linears)
    return 4.0 * (total + setup.counted.other)
