"""What all records share: frozen, no unknown keys, finite numbers, and a source beside each fact."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict


class Record(BaseModel):
    """A frozen record that refuses unknown keys, NaN and infinities."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=())


class Source(Record):
    """Where a fact was read. At least one of repo, url, page, package or measurement names the place.

    `recalled` marks a value that nobody has looked up yet; `supports` names the fields that this source backs
    (absent: the whole record).
    """

    repo: str | None = None
    path: str | None = None
    commit: str | None = None
    url: str | None = None
    page: str | None = None
    package: str | None = None
    version: str | None = None
    measurement: str | None = None
    license: str | None = None
    date: str | None = None
    note: str | None = None
    recalled: bool = False
    supports: tuple[str, ...] | None = None


Adapter = Literal["full", "lora", "qlora", "dora"]
Objective = Literal["sft", "dpo", "orpo", "kto", "simpo", "cpt", "grpo"]
ModelKind = Literal["causal_lm", "seq2seq", "sequence_classification"]
SizeBucket = Literal["small", "medium", "large"]
Precision = Literal["bf16", "fp16", "fp32"]
Quantization = Literal["none", "nf4", "nf4-dq", "int8"]


def size_bucket(parameters: float) -> SizeBucket:
    """Bucket by total parameter count: small < 1e9, medium < 8e9, large from there (design, section 2)."""
    if parameters < 1e9:
        return "small"
    return "medium" if parameters < 8e9 else "large"


def _whole(value: Any) -> Any:
    """4.0 is the integer 4, as in JSON Schema; other types stay for the validator to refuse."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Count = Annotated[int, BeforeValidator(_whole)]
