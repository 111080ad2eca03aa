"""The file of one export: header, warnings, configuration."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from tool.errors import BadRequest
from tool.export.engine import Data, Framework, Native, Plan, build, nested
from tool.render.context import NotebookContext
from tool.render.dataset import dataset_view
from tool.render.templates import one_line
from tool.schema.recommendation import Recommendation
from tool.schema.task import Task

_MODULES = {
    "trl": "trl",
    "trl-script": "trl_script",
    "axolotl": "axolotl",
    "llamafactory": "llamafactory",
    "torchtune": "torchtune",
    "unsloth": "unsloth",
    "oumi": "oumi",
    "ms-swift": "ms_swift",
}
PLACEHOLDER = "your-organisation/your-model"
SCRIPTS = ("trl-script", "unsloth")
"""Exports that are Python programs, rendered from the notebooks' cells; the others are configuration files."""


@dataclass(frozen=True)
class Export:
    """One file: its text, the warnings that stand in it as well, and the native configuration it holds."""

    framework: Framework
    text: str
    warnings: tuple[str, ...]
    native: Native


def names() -> tuple[str, ...]:
    """The frameworks that an answer can be exported to."""
    return tuple(_MODULES)


def framework(name: str) -> Framework:
    """Raises BadRequest for a name that is not known."""
    if name not in _MODULES:
        raise BadRequest("export", f"unknown framework {name!r}", f"known: {', '.join(_MODULES)}")
    found: Framework = importlib.import_module(f"tool.export.{_MODULES[name]}").FRAMEWORK
    return found


def data_of(task: Task, objective: str, rows: int | None = None) -> Data:
    """The task's example rows, or what stands in for them where they are no rows for this objective."""
    view = dataset_view(task, objective, rows)
    return Data(view["name"], view["format"], dict(view["columns"]), view["config"], view["split"])


def plan_of(
    answer: Recommendation, model: str | None, data: Data, gpus: int = 1, context: NotebookContext | None = None
) -> Plan:
    """What is to be exported. Scripts need the `context` that a notebook is rendered in.

    Raises BadRequest for a model that is no causal language model.
    """
    config = answer.config
    values = {key: value for key, value in config.items() if value is not None}
    notes = tuple(answer.warnings)
    rows = answer.request.get("dataset_rows")
    kind = config.get("model_kind", "causal_lm")
    if kind != "causal_lm":
        raise BadRequest("export", f"the frameworks train causal language models, not {kind}", "write a --notebook")
    source = (answer, context) if context else None
    return Plan(
        model or PLACEHOLDER, data, config["objective"], config["adapter"], gpus, values, rows, notes, source=source
    )


def export(name: str, plan: Plan) -> Export:
    """The file for one framework. Raises BadRequest where the framework cannot train this at all."""
    target = framework(name)
    native = build(target, plan)
    warnings = [*plan.warnings, *(f"{field}: {reason}" for field, reason in sorted(native.lost.items()))]
    if plan.model == PLACEHOLDER:
        warnings.append("model: the request names none: put yours in")
    lines = _header(target, plan, native, warnings)
    body = target.body(plan) if target.body else _yaml(native.config)
    return Export(target, "\n".join(f"# {line}".rstrip() for line in lines) + "\n" + body, tuple(warnings), native)


def _header(target: Framework, plan: Plan, native: Native, warnings: list[str]) -> list[str]:
    batch = plan.values["per_device_train_batch_size"] * plan.values["gradient_accumulation_steps"] * plan.gpus
    per_gpu = f"{plan.values['per_device_train_batch_size']} x {plan.values['gradient_accumulation_steps']}"
    lines = [
        f"{target.title} {target.version}: {plan.adapter} {plan.objective} of {one_line(plan.model)}",
        f"start: {native.start}",
        f"effective batch: {per_gpu} x {plan.gpus} GPUs = {batch} sequences",
        f"data: {one_line(plan.data.name)} is an example; name your own",
    ]
    if plan.sharding not in ("none", "ddp"):
        lines.append(f"sharding: sized for {plan.sharding}")
    lines += [f"warning: {one_line(line)}" for line in warnings]
    return lines + [f"note: {one_line(note)}" for note in plan.notes]


def _yaml(config: dict[str, Any]) -> str:
    import yaml

    return str(yaml.dump(nested(config), Dumper=yaml.CSafeDumper, sort_keys=True, allow_unicode=True, width=110))
