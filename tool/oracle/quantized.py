"""NF4 layers whose tensors are pretended: bitsandbytes' own quantisation, matmul and backward, without its kernels.

`Params4bit` cannot wrap a pretended tensor, so the layer holds a plain parameter with the same bytes and the same
quantisation state; `Linear4bit.forward` and `MatMul4Bit.backward` run unchanged.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import bitsandbytes
import bitsandbytes.functional
import torch

BLOCK_SIZE = 64
"""Values that share one scale: what transformers' BitsAndBytesConfig leaves at bitsandbytes' default."""
PAGED_FROM = 1e5


class PretendedLinear4bit(bitsandbytes.nn.Linear4bit):  # type: ignore[misc]
    """bitsandbytes' layer around a packed weight that was made elsewhere."""

    def __init__(self, linear: Any, double_quantised: bool, compute_dtype: Any) -> None:
        torch.nn.Module.__init__(self)
        self.in_features, self.out_features = linear.in_features, linear.out_features
        packed, state = bitsandbytes.functional.quantize_4bit(
            linear.weight.data, blocksize=BLOCK_SIZE, compress_statistics=double_quantised, quant_type="nf4"
        )
        self.weight = torch.nn.Parameter(packed, requires_grad=False)
        self.weight.quant_state = state
        self.weight.compress_statistics = double_quantised
        self.weight.quant_type = "nf4"
        self.weight.quant_storage = torch.uint8
        self.weight.bnb_quantized = True
        self.quant_state = state
        self.bias = linear.bias
        self.compute_dtype = compute_dtype
        self.compute_type_is_set = compute_dtype is not None
        self.quant_storage = torch.uint8
        self.support_avx512bf16_for_cpu = False


def quantise(model: Any, double_quantised: bool, compute_dtype: Any) -> None:
    """Replace every linear layer but the output head, as transformers does (the head and tied weights stay)."""
    head = model.get_output_embeddings()
    kept = {id(head)} if head is not None else set()
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if type(child) is torch.nn.Linear and id(child) not in kept:
                setattr(module, name, PretendedLinear4bit(child, double_quantised, compute_dtype))
    model.is_loaded_in_4bit = True
    model.is_quantized = True
    model.quantization_method = "bitsandbytes"


def scales_of(model: Any) -> list[Any]:
    """Every tensor of the quantisation states: scales, their own scales, offsets and code books."""
    found = []
    for module in model.modules():
        state = getattr(getattr(module, "weight", None), "quant_state", None)
        for part in (state, getattr(state, "state2", None)):
            if part is not None:
                found += [part.absmax, part.code, getattr(part, "offset", None)]
    return [tensor for tensor in found if isinstance(tensor, torch.Tensor)]


def gemm_scratch(args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
    """Bytes of the weight that the CUDA kernel dequantises before it multiplies (backends/cuda/ops.py), and of the
    fp32 scales when those are quantised themselves. Few-token kernels that skip this do not occur in training."""
    activation, _, shape = args[:3]
    weight = math.prod(shape)
    nested = kwargs.get("absmax_8bit") is not None
    scales = -(-weight // BLOCK_SIZE) * 4 if nested else 0
    return int(weight * activation.element_size() + scales)


def _state_buffer(optimizer: Any, parameter: Any, dtype: Any = torch.float32) -> Any:
    """As Optimizer8bit.get_state_buffer on CUDA: paged states of 100,000 values and more are not on the card."""
    if optimizer.is_paged and parameter.numel() >= PAGED_FROM:
        return torch.zeros((), dtype=dtype).expand(parameter.shape)
    return torch.zeros_like(parameter, dtype=dtype)


def _code_book(*args: Any, **kwargs: Any) -> Any:
    return torch.empty(256)


@contextmanager
def bitsandbytes_pretended() -> Iterator[None]:
    """Within, the 256-entry code book has its size but no values, and paged states live in host memory."""
    functional, optimizer = bitsandbytes.functional, bitsandbytes.optim.optimizer.Optimizer8bit
    functional.name2qmap.clear()
    code_book = mock.patch.object(functional, "create_dynamic_map", _code_book)
    paged = mock.patch.object(optimizer, "get_state_buffer", _state_buffer)
    try:
        with code_book, paged:
            yield
    finally:
        functional.name2qmap.clear()


def kernels() -> dict[Any, Any]:
    """Operation → hidden bytes, for the ledger."""
    return {torch.ops.bitsandbytes.gemm_4bit.default: gemm_scratch}
