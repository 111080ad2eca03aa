"""What a schema adapter hands over: the publisher's choices in canonical names, not yet checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


class BadValue(Exception):
    """A value of the configuration that cannot be: the native key, what is wrong and the mend."""

    def __init__(self, field: str, message: str, mend: str) -> None:
        self.field, self.message, self.mend = field, message, mend
        super().__init__(f"{field}: {message} ({mend})")


@dataclass(slots=True)
class Draft:
    """Choices as the publisher wrote them.

    `objective` and `adapter` may name something outside the vocabulary (`reward`, `oft`): the normaliser then says
    that the row is out of scope. `global_batch` is sequences per optimizer step where the publisher gives that
    directly; `data_parallel` is the number of ranks that see different data, `gpus` the number of cards.
    `base_quantization` is that of the stored base weights (`nf4`, `4bit`, `int8`, `fp8`, `none`).
    """

    model: str | None = None
    datasets: tuple[str, ...] = ()
    objective: str | None = None
    adapter: str | None = None
    modality: str = "text"
    learning_rate: float | None = None
    micro_batch: int | None = None
    accumulation: int | None = None
    global_batch: int | None = None
    data_parallel: int | None = None
    gpus: int | None = None
    max_length: int | None = None
    epochs: float | None = None
    max_steps: int | None = None
    scheduler: str | None = None
    warmup_ratio: float | None = None
    warmup_steps: float | None = None
    weight_decay: float | None = None
    max_grad_norm: float | None = None
    optim: str | None = None
    lora_r: int | None = None
    lora_alpha: float | None = None
    lora_dropout: float | None = None
    use_rslora: bool | None = None
    target_modules: str | tuple[str, ...] | None = None
    gradient_checkpointing: bool | None = None
    packing: bool | None = None
    precision: str | None = None
    base_quantization: str = "none"
    seed: int | None = None
    beta: float | None = None
    num_generations: int | None = None
    hints: tuple[str, ...] = ()
    out_of_scope: str | None = None
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a recipes file: native configuration with nested keys joined by dots, and where it came from."""

    id: str
    schema: str
    repo: str
    path: str
    config: dict[str, Any]
    commit: str | None = None
    license: str | None = None
    date: str | None = None
    variant: str | None = None
    command: str | None = None
    measured: dict[str, Any] | None = None
    sweep: dict[str, Any] | None = None
    flags: tuple[str, ...] = ()
