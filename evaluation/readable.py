"""Whether the inputs of the proof can be read: ceilings and authored requests, for `ftc validate`."""

from __future__ import annotations

from pathlib import Path

from evaluation.ceilings import read_ceilings
from evaluation.golden_authored import REQUESTS, authored_cases
from tool.errors import Fault, InputFaults


def proof_faults(root: Path) -> list[Fault]:
    """Every fault of evaluation/ceilings.yaml and evaluation/golden_requests.yaml, where they exist."""
    faults: list[Fault] = []
    readers = [read_ceilings, authored_cases] if (root / REQUESTS).exists() else [read_ceilings]
    for read in readers:
        try:
            read(root)
        except InputFaults as error:
            faults += error.faults
    return faults
