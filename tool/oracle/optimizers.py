"""Optimizers as a training script makes them."""

from __future__ import annotations

from typing import Any

import bitsandbytes
import torch


def make_optimizer(model: Any, name: str) -> Any:
    """The optimizer of that name over the trainable parameters.

    torch's default on CUDA is the multi-tensor loop (`foreach`), asked for here because the trace runs elsewhere.
    """
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    makers = {
        "adamw": lambda: torch.optim.AdamW(parameters, foreach=True),
        "adamw_fused": lambda: torch.optim.AdamW(parameters, fused=True),
        "adamw_loop": lambda: torch.optim.AdamW(parameters, foreach=False),
        "adamw_8bit": lambda: bitsandbytes.optim.AdamW8bit(parameters),
        "paged_adamw_8bit": lambda: bitsandbytes.optim.PagedAdamW8bit(parameters),
        "sgd": lambda: torch.optim.SGD(parameters, lr=1e-3, foreach=True),
        "adafactor": lambda: _adafactor(parameters),
    }
    return makers[name]()


def _adafactor(parameters: list[Any]) -> Any:
    from transformers.optimization import Adafactor

    return Adafactor(parameters, lr=1e-3, relative_step=False, scale_parameter=False)
