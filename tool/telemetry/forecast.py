"""What the memory model says of a run's configuration: the other half of predicted against measured."""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic import ValidationError

from tool.load import Repo
from tool.load.gpu_names import resolve_gpu
from tool.memory import fit
from tool.recommend.sizing import TILED_OBJECTIVES
from tool.schema.fit import FitRequest
from tool.schema.gpu import Gpu

DECIDES_MEMORY = (
    "objective",
    "adapter",
    "per_device_train_batch_size",
    "max_length",
    "optim",
    "precision",
    "quantization",
    "lora_r",
    "target_modules",
    "gradient_checkpointing",
    "packing",
    "attn_implementation",
    "sharding",
)


class Forecast(NamedTuple):
    """GiB of the worst rank: the allocator's peak, the bound on the need, what the card is thought to have free.

    `request` is what was priced.
    """

    allocated_gib: float
    upper_gib: float
    usable_gib: float
    request: FitRequest


class Forecaster:
    """Prices configurations; equal ones once."""

    def __init__(self, repo: Repo) -> None:
        self._repo = repo
        self._known: dict[tuple[Any, ...], Forecast | None] = {}
        self._cards: dict[str, str | None] = {}

    def card(self, name: str | None) -> str | None:
        """The id of a card by the name that a run told; None where it is not known."""
        if name is None:
            return None
        if name not in self._cards:
            found = resolve_gpu(self._repo, name) if len(name) <= 100 else None
            self._cards[name] = found[0].id if found else None
        return self._cards[name]

    def of(self, model: str | None, config: dict[str, Any], gpu: str | None, gpus: int | None) -> Forecast | None:
        """The forecast for a run; None where the model, the card or the configuration is not understood."""
        card = self.card(gpu)
        if model is None or card is None:
            return None
        key = (model, card, gpus, *(_hashable(config.get(name)) for name in DECIDES_MEMORY))
        if key not in self._known:
            self._known[key] = self._price(model, config, card, gpus)
        return self._known[key]

    def _price(self, model: str, config: dict[str, Any], card: str, gpus: int | None) -> Forecast | None:
        try:
            request = FitRequest.model_validate(fit_fields(model, config, self._repo.gpus[card], gpus))
        except ValidationError:
            return None
        answer = fit(self._repo, request)
        if answer.allocated_gib is None or answer.upper_gib is None or answer.usable_gib is None:
            return None
        return Forecast(answer.allocated_gib, answer.upper_gib, answer.usable_gib, request)


def fit_fields(model: str, config: dict[str, Any], card: Gpu, gpus: int | None) -> dict[str, Any]:
    """A run's configuration in the words of `ftc fit`, priced as the recommender prices its answers.

    Without FlashAttention, SDPA writes out the scores of models whose heads share keys, as nearly all do today.
    """
    written_out = not card.flash_attention_2 and config.get("attn_implementation") == "sdpa"
    several = (gpus or 1) > 1
    adapter = config.get("adapter")
    fp16_masters = adapter == "full" and config.get("precision") == "fp16"
    return {
        "model": model,
        "method": adapter,
        "objective": config.get("objective"),
        "framework": "open-finetune-config" if config.get("objective") in TILED_OBJECTIVES else "open-finetune-plain",
        "dtype": "fp32" if fp16_masters else config.get("precision"),
        "amp": "fp16" if fp16_masters else None,
        "quant": config.get("quantization"),
        "optimizer": config.get("optim"),
        "lora_r": config.get("lora_r") or None,
        "lora_targets": config.get("target_modules"),
        "micro_batch": config.get("per_device_train_batch_size"),
        "seq_len": config.get("max_length"),
        "seq_len_kind": "packed" if config.get("packing") else "padded-max",
        "grad_checkpointing": config.get("gradient_checkpointing"),
        "attention": "eager" if written_out else config.get("attn_implementation"),
        "compile": False,
        "chunked_or_fused_loss": False,
        "kbit_preparation": False,
        "optimizer_in_backward": False,
        "activation_offload": False,
        "gpus": gpus or 1,
        "sharding": config.get("sharding") or ("ddp" if several else "none"),
        "gpu": card.id,
    }


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
