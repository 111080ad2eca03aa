"""What the oracle can trace: one configuration, in the words of `ftc fit` plus those that decide the trace."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, get_args, get_type_hints

from tool.errors import BadRequest

CHOICES: dict[str, tuple[Any, ...]] = {
    "method": ("full", "lora", "qlora", "dora"),
    "objective": ("sft", "dpo", "classification"),
    "dtype": ("bf16", "fp16", "fp32"),
    "quant": ("none", "nf4", "nf4-dq"),
    "optimizer": (
        "adamw",
        "adamw_fused",
        "adamw_loop",
        "adamw_8bit",
        "paged_adamw_8bit",
        "sgd",
        "adafactor",
    ),
    "attention": ("eager", "sdpa", "flash"),
    "amp": ("none", "bf16", "fp16"),
    "adapter_dtype": ("fp32", "weights"),
    "seq_len_kind": ("exact", "padded"),
}
ALIASES = {"flash_attention_2": "flash", "sft": "sft", "pretrain": "sft", "cpt": "sft"}


@dataclass(frozen=True)
class TraceRequest:
    """One traced configuration. Defaults are those of torch, peft and transformers on one data-centre card.

    `micro_batch` counts sequences, `seq_len` tokens; `seq_len_kind` "padded" hands the model a mask that it must
    honour; `optimizer` "adamw" is torch's multi-tensor loop (`foreach`), the default on CUDA;
    `adapter_dtype` "fp32" is peft's autocast_adapter_dtype; `use_reentrant` is that of torch.utils.checkpoint;
    `grad_accumulation`: gradients of an earlier micro-batch live on; `keeps_outputs`: the training loop holds the
    model's output, logits included, through the backward pass (a hand-written loop; Trainer lets go of it);
    `compute_capability` decides which attention kernel CUDA would choose.
    """

    model: str
    method: str = "lora"
    objective: str = "sft"
    dtype: str = "bf16"
    quant: str = "none"
    optimizer: str = "adamw"
    lora_r: int | None = None
    lora_targets: str | None = None
    lora_dropout: float = 0.0
    micro_batch: int = 1
    seq_len: int = 512
    seq_len_kind: str = "exact"
    grad_checkpointing: bool = False
    use_reentrant: bool = False
    attention: str = "sdpa"
    amp: str = "none"
    kbit_preparation: bool = False
    adapter_dtype: str = "fp32"
    chunked_or_fused_loss: bool = False
    grad_accumulation: bool = False
    keeps_outputs: bool = False
    compute_capability: float = 8.0

    @property
    def row(self) -> dict[str, Any]:
        """The request as plain data, in the order of its fields."""
        return asdict(self)

    @property
    def id(self) -> str:
        """A readable name that differs whenever the request differs."""
        defaults = {field.name: field.default for field in fields(self)}
        head = [self.model, self.method, self.dtype, f"b{self.micro_batch}", f"s{self.seq_len}"]
        shown = {"model", "method", "dtype", "micro_batch", "seq_len"}
        rest = [
            f"{name}={value}"
            for name, value in self.row.items()
            if name not in shown and value != defaults[name] and value is not None
        ]
        return " ".join(head + rest)


def _accepts(annotation: Any, value: Any) -> bool:
    options = get_args(annotation) or (annotation,)
    if isinstance(value, bool):
        return bool in options
    return isinstance(value, tuple(options)) or (float in options and isinstance(value, int))


def _targets(value: Any) -> Any:
    return ",".join(value) if isinstance(value, list) else value


def parse_request(data: dict[str, Any]) -> tuple[TraceRequest, tuple[str, ...]]:
    """A request of `ftc fit` → what is traced, and what was assumed for fields that are null, absent or unknown.

    Raises BadRequest for a missing model and for values of the wrong type.
    """
    if not isinstance(data.get("model"), str):
        raise BadRequest("model", "names no model of the registry", "give its id")
    given: dict[str, Any] = {"model": data["model"]}
    assumed: list[str] = []
    types = get_type_hints(TraceRequest)
    data = {
        **data,
        "objective": data.get("objective") or data.get("task"),
        "lora_targets": _targets(data.get("lora_targets")),
    }
    for field in fields(TraceRequest)[1:]:
        value = data.get(field.name)
        if value is None:
            continue
        value = ALIASES.get(value, value) if isinstance(value, str) else value
        if not _accepts(types[field.name], value) and field.name != "grad_checkpointing":
            raise BadRequest(field.name, f"is {value!r}", f"give {types[field.name]}")
        allowed = CHOICES.get(field.name)
        if (allowed and value not in allowed) or not _accepts(types[field.name], value):
            assumed.append(f"{field.name}: {value!r} cannot be traced, {field.default!r} instead")
            continue
        given[field.name] = value
    return complete(given, assumed)


def complete(given: dict[str, Any], assumed: list[str]) -> tuple[TraceRequest, tuple[str, ...]]:
    """Fill what follows from the rest: an adapter has a rank and targets, QLoRA is quantised."""
    method = given.get("method", "lora")
    if method != "full":
        given.setdefault("lora_r", 16)
        given.setdefault("lora_targets", "all-linear")
    else:
        given.update(lora_r=None, lora_targets=None)
    if method == "qlora" and given.get("quant", "none") == "none":
        given["quant"] = "nf4"
    if method != "qlora" and given.get("quant", "none") != "none":
        assumed.append(f"quant: {given['quant']!r} without an adapter on it, 'none' instead")
        given["quant"] = "none"
    return TraceRequest(**given), tuple(assumed)
