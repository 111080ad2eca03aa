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
    largest_gradient: float


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
    counted = setup.counted
    packed = sum(linear.parameters for linear in counted.linears if is_packed(linear, setup))
    if setup.quantized_head:
        packed += counted.lm_head
    plain_linear = counted.linear - sum(linear.parameters for linear in counted.linears if is_packed(linear, setup))
    kept = counted.embedding + counted.other + (0 if setup.quantized_head else counted.lm_head)
    share = 1.0 / setup.gpus if setup.sharding in ("fsdp", "zero3", "split") else 1.0
    weights = plain_linear * setup.base_width + kept * setup.kept_width
    scales = 0.0
    if setup.packing is not None:
        weights += packed * setup.packing.weight
        scales = packed * setup.packing.scales
    full = setup.method == "full"
    adapters, largest = (0.0, 0.0) if full else adapter_parameters(setup)
    trainable = counted.total if full else adapters + setup.full_copies
    width = setup.base_width if full else setup.numbers.adapter
    gradient_width = setup.numbers.gradient if full else setup.numbers.adapter
    biggest = max((linear.in_features * linear.out_features for linear in counted.linears), default=0)
    biggest = max(biggest, counted.embedding) if full else largest
    return _finish(setup, share, trainable, weights, scales, adapters, width, gradient_width, float(biggest))


def _finish(
    setup: Setup,
    share: float,
    trainable: float,
    weights: float,
    scales: float,
    adapters: float,
    width: float,
    gradient_width: float,
    biggest: float,
) -> States:
    optimizer = setup.optimizer
    state_share = 1.0 / setup.gpus if setup.sharding in ("fsdp", "zero1", "zero2", "zero3", "split") else 1.0
    gradient_share = 1.0 / setup.gpus if setup.sharding in ("fsdp", "zero2", "zero3", "split") else 1.0
    state_width = setup.master_width or width
    states = trainable * (optimizer.fixed + optimizer.relative * state_width)
    if optimizer.factored:
        states = _factored(setup, trainable)
    whole = 1.0 if setup.sharding == "none" else state_share
    temporary = trainable * optimizer.temporary * state_width * whole
    temporary += biggest * (optimizer.largest * state_width + optimizer.largest_fixed) * whole
    if setup.in_backward:
        temporary = biggest * state_width
    gradients = biggest * gradient_width if setup.in_backward else trainable * gradient_width * gradient_share
    layers = max(1, setup.architecture.num_hidden_layers + (setup.architecture.num_decoder_layers or 0))
    off = setup.cpu_offload
    total = setup.counted.total
    adapter_share = share
    return States(
        trainable=trainable,
        weights=0.0 if off and setup.sharding == "zero3" else weights * share,
        scales=scales * share,
        adapters=(adapters + setup.full_copies) * setup.numbers.adapter * adapter_share,
        gradients=0.0 if off else gradients,
        optimizer=0.0 if optimizer.paged or off else states * state_share,
        temporary=0.0 if off else temporary,
        master=0.0 if off else trainable * setup.master_width * state_share,
        reference=total * setup.base_width * share if setup.reference_model else 0.0,
        layer_parameters=setup.counted.linear / layers,
        root_parameters=float(setup.counted.embedding + setup.counted.lm_head),
        largest_root=float(max(setup.counted.embedding, setup.counted.lm_head)),
        largest_gradient=biggest * gradient_width,
    )


def _factored(setup: Setup, trainable: float) -> float:
    """Adafactor keeps one number per row and column, in fp32 (Shazeer and Stern 2018)."""
    if setup.method != "full":
        return trainable * 0.5
    total = sum(linear.count * (linear.in_features + linear.out_features) for linear in setup.counted.linears)
    return 4.0 * (total + setup.counted.other)
