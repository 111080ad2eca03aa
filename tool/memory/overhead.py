"""From what tensors take to what the allocator holds, what the driver shows, and the bound on what a run needs.

registry/measurements/calibration.yaml holds the few numbers that no arithmetic sees, fitted on published runs.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from pydantic import Field

from tool.errors import InputFaults
from tool.load.records import faults_of, field_names
from tool.load.yaml_file import YamlFile
from tool.memory.tape import Vector
from tool.schema.base import Record

PATH = "registry/measurements/calibration.yaml"


class Bound(Record):
    """Conformal upper factors of one group of configurations, with the number of rows behind them."""

    factor: float = Field(ge=1.0)
    rows: int = Field(ge=0)


class Calibration(Record):
    """Numbers with a physical meaning.

    `context_gib`: CUDA context of the process, by architecture of the card. `fragmentation`: cached but unused share of
    the memory that comes and goes within a step, for exact and for varying lengths. `steady_fragmentation`: the same
    share of what stays. `bounds`: by group.
    """

    command: str
    rows: int
    context_gib: dict[str, float]
    fragmentation: dict[str, float]
    bounds: dict[str, Bound]


@lru_cache(maxsize=8)
def load_calibration(root: Path) -> Calibration:
    """The committed calibration. Raises InputFaults when it is missing or broken."""
    from pydantic import ValidationError

    file = YamlFile.read(root, PATH)
    if file.faults:
        raise InputFaults(file.faults)
    try:
        return Calibration.model_validate(file.data)
    except ValidationError as error:
        raise InputFaults(faults_of(error, file, field_names(Calibration))) from None


def context_of(calibration: Calibration, architecture: str | None) -> float:
    """GiB of the CUDA context on a card of this architecture."""
    table = calibration.context_gib
    return table.get((architecture or "default").casefold(), table["default"])


def reserved_of(
    calibration: Calibration, allocated: Vector, steady: Vector, usable: float | None, context: float, varying: bool
) -> Vector:
    """What the allocator holds: allocated memory and the gaps between blocks, never more than the card has.

    Near the limit the allocator gives cached blocks back and tries again, so the gaps close.
    """
    share = calibration.fragmentation["varying" if varying else "exact"]
    held = allocated + share * np.maximum(0.0, allocated - steady)
    if usable is not None:
        held = np.maximum(allocated, np.minimum(held, usable - context))
    return held


def upper_of(calibration: Calibration, allocated: Vector, context: float, group: str) -> Vector:
    """The bound on the need: tensors times the group's factor, and the context."""
    bound = calibration.bounds.get(group) or calibration.bounds["default"]
    upper: Vector = allocated * bound.factor + context
    return upper
