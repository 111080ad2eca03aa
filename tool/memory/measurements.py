"""registry/measurements/*.jsonl → rows. Reserved rows are left out unless they are asked for by name."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field, ValidationError

from tool.errors import Fault, InputFaults
from tool.load.reserved import load_reserved
from tool.schema.base import Source
from tool.schema.fit import FitRequest

FOLDER = "registry/measurements"
PeakKind = Literal["allocated", "reserved", "nvidia-smi", "unknown"]


class Measurement(FitRequest):
    """One published run: a request as it stands, and what was seen. Sizes are GiB per GPU.

    `seq_len_exact` False: `seq_len` is only the cap. `completeness` full: model, method, quantiser, optimizer,
    micro-batch, length and checkpointing are all known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, allow_inf_nan=False, protected_namespaces=())

    id: str
    outcome: Literal["ok", "oom"]
    completeness: Literal["full", "partial"]
    seq_len_exact: bool | None = None
    peak_gib: float | None = Field(default=None, gt=0)
    peak_kind: PeakKind = "unknown"
    peak_allocated_gib: float | None = None
    peak_reserved_gib: float | None = None
    peak_nvidia_smi_gib: float | None = None
    process_gib: float | None = None
    end_of_train_allocated_gib: float | None = None
    start_reserved_gib: float | None = None
    phases_mib: dict[str, Any] | None = None
    per_gpu: bool | None = None
    peak_as_published: float | str | None = None
    unit_as_published: str | None = None
    unit_ambiguous: bool | None = None
    precision_gib: float | None = None
    trainable_params: float | None = None
    torch_version: str | None = None
    grad_accum: int | None = None
    seq_len_cap: int | None = None
    fp32_master_inferred: bool | None = None
    caveats: tuple[str, ...] = ()
    source: dict[str, Any]
    family: str = ""

    def request(self) -> FitRequest:
        """The row as a request, without what was seen."""
        return FitRequest.model_validate(self.model_dump(include=set(FitRequest.model_fields), by_alias=True))

    @property
    def judged_gib(self) -> float | None:
        """The figure that a forecast is scored against: the driver's where that was published, else the peak."""
        if self.peak_kind == "nvidia-smi":
            return self.process_gib or self.peak_gib
        return self.peak_gib


def families(root: Path) -> list[str]:
    """Names of the source files, sorted."""
    return sorted(path.stem for path in (root / FOLDER).glob("*.jsonl"))


def load_measurements(root: Path, *, include_reserved: bool = False) -> list[Measurement]:
    """All rows but the reserved ones. Raises InputFaults with every fault of every file.

    Calibration never passes `include_reserved`; reports that only score do.
    """
    reserved = load_reserved(root)
    faults: list[Fault] = []
    rows: list[Measurement] = []
    seen: set[str] = set()
    for family in families(root):
        for number, row in _rows(root, family, faults):
            if row.id in seen:
                faults.append(
                    Fault(f"{FOLDER}/{family}.jsonl", number, "id", f"{row.id!r} is given twice", "rename it")
                )
            seen.add(row.id)
            if include_reserved or not reserved.has_measurement(row.id):
                rows.append(row)
    unknown = sorted(set(reserved.measurements.rows) - seen)
    faults += [
        Fault("evaluation/reserved.yaml", 0, "measurements.rows", f"no such row {name!r}", "correct the id")
        for name in unknown
    ]
    if faults:
        raise InputFaults(faults)
    return rows


def _rows(root: Path, family: str, faults: list[Fault]) -> Iterator[tuple[int, Measurement]]:
    path = f"{FOLDER}/{family}.jsonl"
    for number, line in enumerate((root / path).read_text(encoding="utf-8").splitlines(), start=1):
        try:
            yield number, Measurement.model_validate({**json.loads(line), "family": family})
        except ValidationError as error:
            faults += [
                Fault(path, number, ".".join(str(part) for part in item["loc"]), item["msg"], "correct the value")
                for item in error.errors()
            ]
        except ValueError as error:
            faults.append(Fault(path, number, "", f"is not JSON: {error}", "mend the line"))


def source_of(row: Measurement) -> Source:
    """Where a row was published."""
    known = {key: value for key, value in row.source.items() if key in Source.model_fields and value is not None}
    return Source(**known, note=row.source.get("repo_or_title"))
