"""Bounds of `policies/safety` as plain numbers, for the recommender: no CEL, a few milliseconds.

A safety policy bounds one field: `params` hold `field`, `low`, `high`, and the lists that say where it applies. The
same file's CEL rules judge the finished recommendation (`kind: recommendation`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from tool.errors import Fault, InputFaults
from tool.load.yaml_file import YamlFile

SELECTORS = {
    "adapters": "adapter",
    "objectives": "objective",
    "task_types": "task_type",
    "model_kinds": "model_kind",
    "gpu_classes": "gpu_class",
}


@dataclass(frozen=True)
class Bound:
    """One policy's bound on one field, and where it applies (a selector that is absent applies everywhere)."""

    policy: str
    field: str
    low: float
    high: float
    applies: tuple[tuple[str, tuple[str, ...]], ...]

    def matches(self, request: dict[str, str | None]) -> bool:
        return all(request.get(name) in allowed for name, allowed in self.applies)


def _bound(file: YamlFile, id: str) -> Bound | None:
    """The bound that a file states; None for a safety policy that bounds no single field."""
    data = file.data if isinstance(file.data, dict) else {}
    params: dict[str, Any] = data.get("params") or {}
    if "field" not in params:
        return None
    low, high = params.get("low"), params.get("high")
    if not isinstance(low, (int, float)) or not isinstance(high, (int, float)) or low > high:
        line = file.line_of(("params",))
        raise InputFaults([Fault(file.path, line, "params", "needs low ≤ high, both numbers", "state both")])
    applies = tuple((name, tuple(params[key])) for key, name in SELECTORS.items() if key in params)
    return Bound(id, str(params["field"]), float(low), float(high), applies)


@lru_cache(maxsize=4)
def read_bounds(root: Path) -> tuple[Bound, ...]:
    """Every bound under policies/safety, in order of id. Raises InputFaults."""
    bounds = []
    for path in sorted((root / "policies/safety").glob("*.yaml")):
        file = YamlFile.read(root, path.relative_to(root).as_posix())
        if file.faults:
            raise InputFaults(file.faults)
        bound = _bound(file, path.stem)
        if bound is not None:
            bounds.append(bound)
    return tuple(bounds)


def bounds_for(
    root: Path,
    *,
    task_type: str | None,
    objective: str | None,
    adapter: str | None,
    model_kind: str | None = None,
    gpu_class: str | None = None,
) -> dict[str, tuple[float, float, str]]:
    """Field → (low, high, policy id) for one kind of request: the tightest of all bounds that apply.

    Where two bounds meet, the policy named is the one with the lower `high`. Raises InputFaults.
    """
    request = {
        "task_type": task_type,
        "objective": objective,
        "adapter": adapter,
        "model_kind": model_kind,
        "gpu_class": gpu_class,
    }
    found: dict[str, tuple[float, float, str]] = {}
    for bound in read_bounds(root):
        if not bound.matches(request):
            continue
        low, high, policy = found.get(bound.field, (bound.low, bound.high, bound.policy))
        policy = bound.policy if bound.high < high else policy
        found[bound.field] = (max(low, bound.low), min(high, bound.high), policy)
    return found
