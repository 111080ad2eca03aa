"""Makes PyTorch's CPU code path take the branches that CUDA takes, where the two keep different tensors alive.

Tracing pretends tensors on the CPU, because a PyTorch built without CUDA refuses autograd on pretended CUDA tensors.
Four places differ in what they save or allocate; each is replaced by the operator that CUDA calls:

- scaled_dot_product_attention: flash, memory-efficient or math kernel (aten/native/transformers/attention.cpp and
  cuda/sdp_utils.cpp: flash wants fp16 or bf16, no mask, head size up to 256 and compute capability 8.0; the
  memory-efficient kernel wants as many key as query heads);
- dropout: the fused kernel keeps a mask of one byte an element (Dropout.cpp, is_fused_kernel_acceptable);
- softmax of fp16 into fp32: converted inside the kernel (SoftMax.cpp, half_to_float);
- scratch memory that kernels take and give back inside one call (flash_attn/flash_api.cpp: dq_accum, softmax_d, and
  expanded key and value gradients under grouped queries; cuda/SoftMax.cu: the product of gradient and output).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import torch
from torch.nn import functional

aten = torch.ops.aten
FLASH_MAX_HEAD_DIM = 256
kernels_chosen: set[str] = set()
"""What the last run called: flash, efficient, math; empty under eager attention."""


def choose_kernel(query: Any, key: Any, value: Any, mask: Any, capability: float) -> str:
    """Which CUDA kernel scaled_dot_product_attention would call: flash, efficient or math."""
    grouped = query.shape[1] != key.shape[1]
    same_width = query.shape[-1] == value.shape[-1]
    half = query.dtype in (torch.float16, torch.bfloat16)
    if half and mask is None and same_width and query.shape[-1] <= FLASH_MAX_HEAD_DIM and capability >= 8.0:
        return "flash"
    bf16_missing = query.dtype == torch.bfloat16 and capability < 8.0
    return "math" if grouped or bf16_missing else "efficient"


def _pad_head(tensor: Any, multiple: int) -> Any:
    missing = -tensor.shape[-1] % multiple
    return functional.pad(tensor, (0, missing)) if missing else tensor


def _flash(query: Any, key: Any, value: Any, dropout: float, causal: bool, scale: float | None) -> Any:
    width = query.shape[-1]
    scale = scale if scale is not None else width**-0.5
    padded = [_pad_head(tensor, 8) for tensor in (query, key, value)]
    output = aten._scaled_dot_product_flash_attention(*padded, dropout, causal, False, scale=scale)[0]
    return output[..., :width] if output.shape[-1] != width else output


def _bias(mask: Any, query: Any, key: Any) -> Any:
    """A boolean mask becomes a float bias whose rows are padded to a multiple of 16 (attention.cpp, pad_bias)."""
    if mask is None:
        return None
    if mask.dtype == torch.bool:
        zeros = torch.zeros_like(mask, dtype=query.dtype)
        mask = zeros.masked_fill_(mask.logical_not(), float("-inf"))
    missing = -mask.shape[-1] % 16
    if missing:
        mask = functional.pad(mask, (0, missing))[..., : key.shape[-2]]
    return mask.expand(query.shape[0], query.shape[1], query.shape[2], key.shape[2])


def _efficient(query: Any, key: Any, value: Any, mask: Any, dropout: float, causal: bool, scale: float | None) -> Any:
    needs_gradient = any(tensor.requires_grad for tensor in (query, key, value))
    bias = _bias(mask, query, key)
    return aten._scaled_dot_product_efficient_attention(
        query, key, value, bias, needs_gradient, dropout, causal, scale=scale
    )[0]


def attention_for(capability: float) -> Any:
    """A stand-in for torch.nn.functional.scaled_dot_product_attention on a card of that compute capability."""

    def attend(
        query: Any,
        key: Any,
        value: Any,
        attn_mask: Any = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> Any:
        kernel = choose_kernel(query, key, value, attn_mask, capability)
        kernels_chosen.add(kernel)
        if kernel == "flash":
            return _flash(query, key, value, dropout_p, is_causal, scale)
        if kernel == "efficient":
            return _efficient(query, key, value, attn_mask, dropout_p, is_causal, scale)
        return aten._scaled_dot_product_attention_math(
            query, key, value, attn_mask, dropout_p, is_causal, scale=scale, enable_gqa=enable_gqa
        )[0]

    return attend


def _dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    if not training or p == 0.0:
        return input
    return torch.native_dropout(input, p, True)[0]


def _softmax_with(original: Any) -> Any:
    def softmax(input: Any, dim: Any = None, _stacklevel: int = 3, dtype: Any = None) -> Any:
        if dtype == torch.float32 and input.dtype == torch.float16 and dim is not None:
            return aten._softmax(input, dim, True)
        return original(input, dim=dim, dtype=dtype)

    return softmax


@contextmanager
def cuda_like(capability: float = 8.0) -> Iterator[None]:
    """Within, functional calls save what CUDA would save on a card of that compute capability."""
    replacements = {
        "scaled_dot_product_attention": attention_for(capability),
        "dropout": _dropout,
        "softmax": _softmax_with(functional.softmax),
    }
    kernels_chosen.clear()
    with ExitStack() as stack:
        for name, function in replacements.items():
            stack.enter_context(mock.patch.object(functional, name, function))
        stack.enter_context(mock.patch.object(torch, "dropout", lambda input, p, train: _dropout(input, p, train)))
        yield


def _round(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


def flash_backward_scratch(args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
    """Bytes of dq_accum and softmax_d (fp32, lengths rounded to 128, widths to 32), and of expanded dk and dv."""
    _, query, key = args[0], args[1], args[2]
    batch, heads, length, width = query.shape
    rounded_length = _round(length, 128)
    accumulator = batch * heads * rounded_length * _round(width, 32) * 4
    row_sums = batch * heads * rounded_length * 4
    grouped = heads != key.shape[1]
    expanded = 2 * batch * heads * key.shape[2] * width * query.element_size() if grouped else 0
    return int(accumulator + row_sums + expanded)


def efficient_backward_scratch(args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
    """Bytes of `delta` (fp32, one a query row; mem_eff_attention/kernel_backward.h)."""
    query = args[1]
    batch, heads, length, _ = query.shape
    return int(batch * heads * _round(length, 32) * 4)


def softmax_backward_scratch(args: tuple[Any, ...], kwargs: dict[str, Any]) -> int:
    """Bytes of `grad * output` (cuda/SoftMax.cu, softmax_backward_cuda_out); log_softmax has no such temporary."""
    gradient = args[0]
    return int(gradient.numel() * gradient.element_size())


SCRATCH = {
    aten._softmax_backward_data.default: softmax_backward_scratch,
    aten._scaled_dot_product_flash_attention_backward.default: flash_backward_scratch,
    aten._scaled_dot_product_efficient_attention_backward.default: efficient_backward_scratch,
}
