"""What a request trains: a model of the registry, a config.json, or a stand-in of its size."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from tool.architecture import (
    Inventory,
    UnsupportedArchitecture,
    architecture_for_size,
    architecture_from_config,
    inventory,
    is_approximate,
    resolve,
)
from tool.load import Repo
from tool.schema.fit import FitRequest
from tool.schema.model import Architecture


@dataclass
class Notes:
    """What was assumed, in the order in which it was decided, and why no verdict can be given.

    `unsure`: the network is read approximately; `sized`: it is a stand-in of a stated size.
    """

    assumed: list[str] = field(default_factory=list)
    abstain: str | None = None
    unsure: bool = False
    sized: bool = False

    def fill(self, name: str, value: object, why: str) -> None:
        self.assumed.append(f"{name}: {value} ({why})")


@dataclass(frozen=True)
class Subject:
    """What is trained: its architecture, and whether that is known or a stand-in."""

    architecture: Architecture
    counted: Inventory
    known: bool


def subject_of(repo: Repo, request: FitRequest, notes: Notes) -> Subject | None:
    """The network of a request. None when nothing says how large it is."""
    if request.model is not None:
        model = resolve(repo, request.model)
        if model is not None:
            return _counted(model.architecture, True)
    if request.model_config_ is not None:
        found = _from_config(request, notes)
        if found is not None:
            return found
    if request.params_b is not None:
        notes.fill(
            "architecture", f"a dense decoder of {request.params_b:g} billion parameters", "the model is unknown"
        )
        notes.sized = True
        notes.abstain = "the architecture is unknown: only a bound from the parameter count"
        return _counted(_for_size(request.params_b * 1e9), False)
    return None


def _from_config(request: FitRequest, notes: Notes) -> Subject | None:
    try:
        architecture, remarks = architecture_from_config(request.model_config_ or {})
    except UnsupportedArchitecture as error:
        notes.abstain = str(error)
        return None
    for remark in remarks:
        notes.fill("architecture", architecture.model_type, remark)
    if is_approximate(remarks):
        notes.unsure = True
        notes.abstain = f"the architecture is not known exactly: {remarks[0]}"
    return _counted(architecture, notes.abstain is None)


@lru_cache(maxsize=512)
def _for_size(parameters: float) -> Architecture:
    return architecture_for_size(parameters=parameters)


@lru_cache(maxsize=512)
def _counted(architecture: Architecture, known: bool) -> Subject:
    return Subject(architecture, inventory(architecture), known)
