"""GPU cards: what memory a process really gets, and what the silicon can do."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tool.schema.base import Record, Source


class MemoryObservation(Record):
    """One sighting of a card's memory, in GiB, with where it was seen and by what (`kind`)."""

    kind: Literal["torch_total", "nvidia_smi_total", "driver_total", "ec2_api"]
    gib: float = Field(gt=0)
    source: Source
    note: str | None = None


class Gpu(Record):
    """One card. `usable_gib` is what the driver shows free to a process (GiB), the lowest credible sighting.

    `usable_basis` says whether it was seen or derived. Rates are dense tensor rates (TFLOP/s), `gfx` is AMD's name
    of the instruction set, `torch_wheels` says which PyTorch builds hold kernels for the card.
    """

    id: str
    vendor: Literal["nvidia", "amd"]
    device_names: tuple[str, ...]
    aliases: tuple[str, ...] = ()
    architecture: str
    compute_capability: str | None = Field(default=None, pattern=r"^\d+\.\d$")
    gfx: str | None = None
    nominal_gb: float = Field(gt=0)
    usable_gib: float = Field(gt=0)
    usable_basis: str
    memory_observations: tuple[MemoryObservation, ...] = ()
    bandwidth_gb_s: float | None = None
    fp16_tflops: float | None = None
    bf16: bool
    bf16_tflops: float | None = None
    flash_attention_2: bool
    bitsandbytes_nf4: bool
    bitsandbytes_int8: bool
    nvlink_gb_s: float | None = None
    torch_wheels: str | None = None
    notes: str | None = None
    sources: tuple[Source, ...]
