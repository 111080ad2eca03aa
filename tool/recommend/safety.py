"""The safety clamp: values outside the bounds of policies/safety are pulled to the bound, and the answer says so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tool.load import Repo
from tool.recommend.laws import Value
from tool.recommend.question import Question
from tool.schema.gpu import Gpu

CAUTION = 0.5
LEGACY = frozenset({"pascal", "volta", "maxwell"})
ENTRY_GIB = 20.0
WORKSTATION_GIB = 50.0


def clamp(repo: Repo, question: Question, adapter: str, values: dict[str, Value]) -> dict[str, Value]:
    """Apply the bounds of policies/safety. A clamped value keeps its source and names the policy."""
    from tool.policy.safety import bounds_for

    hardware = question.hardware
    bounds = bounds_for(
        repo.root,
        task_type=question.task.id,
        objective=question.objective,
        adapter=adapter,
        model_kind=question.subject.kind,
        gpu_class=gpu_class(hardware.gpu) if hardware else None,
    )
    return {field: _clamped(value, bounds.get(field)) for field, value in values.items()}


def gpu_class(gpu: Gpu) -> str:
    """The tier that policies speak of: legacy (before Turing), entry (up to 20 GiB), workstation, datacenter."""
    if gpu.architecture.casefold() in LEGACY:
        return "legacy"
    if gpu.usable_gib <= ENTRY_GIB:
        return "entry"
    return "workstation" if gpu.usable_gib <= WORKSTATION_GIB else "datacenter"


def _clamped(value: Value, bound: tuple[float | None, float | None, str] | None) -> Value:
    if bound is None or not isinstance(value.value, int | float) or isinstance(value.value, bool):
        return value
    low, high, policy = bound
    pulled: Any = value.value
    if low is not None and pulled < low:
        pulled = low
    if high is not None and pulled > high:
        pulled = high
    if pulled == value.value:
        return value
    return replace(value, value=type(value.value)(pulled), rule=f"{value.rule}; clamped by policy {policy}")


def conservative(values: dict[str, Value], law: Value) -> dict[str, Value]:
    """Constrained-safe values: half of the law's learning rate at most, one epoch, a gentle clip."""
    rate = min(values["learning_rate"].value, law.value * CAUTION)
    rule = "constrained-safe: at most half of the published rate"
    calm = dict(values)
    calm["learning_rate"] = Value(rate, rule, law.source)
    calm["num_train_epochs"] = Value(1.0, "constrained-safe: one epoch", law.source)
    calm["max_grad_norm"] = Value(min(1.0, values["max_grad_norm"].value), "constrained-safe", law.source)
    return calm
