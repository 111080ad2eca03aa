"""The grid of a sweep: its configuration and the runs that it names, most informative first."""

from __future__ import annotations

import math
from pathlib import Path

import yaml
from pydantic import Field

from tool.schema.base import Adapter, Objective, Record


class SweepTask(Record):
    """One text task. `text` names a builder of `tool.sweep.text`; `objective` sft masks the prompt, cpt does not."""

    id: str
    text: str
    task_type: str
    objective: Objective


class SweepMethod(Record):
    """One way to train: the adapter, its rank and alpha, and the learning rates to try.

    `confirm` are the rates, around the best, that are run again with the confirming seeds. `tasks` limits a method to
    some tasks (None: all).
    """

    id: str
    adapter: Adapter
    lora_r: int | None = None
    lora_alpha: int | None = None
    learning_rates: tuple[float, ...]
    confirm: tuple[float, ...] = ()
    tasks: tuple[str, ...] | None = None

    def covers(self, task: SweepTask) -> bool:
        return self.tasks is None or task.id in self.tasks


class SweepConfig(Record):
    """Everything that decides a run. Lengths are tokens, batch is sequences."""

    model: str
    weights_package: str
    weights_file: str
    parameters: int
    hidden_size: int
    steps: int = Field(ge=1)
    evaluate_at: tuple[int, ...]
    batch: int = Field(ge=1)
    max_length: int = Field(ge=8)
    held_out: int = Field(ge=8)
    warmup_ratio: float
    max_grad_norm: float
    weight_decay: float
    precision: str
    lr_scheduler_type: str = "linear"
    seeds: tuple[int, ...]
    confirm_seeds: tuple[int, ...] = ()
    tasks: tuple[SweepTask, ...]
    methods: tuple[SweepMethod, ...]


class Run(Record):
    """One point of the grid."""

    task: SweepTask
    method: SweepMethod
    learning_rate: float
    seed: int

    @property
    def id(self) -> str:
        return f"{self.task.id}/{self.method.id}/{self.learning_rate:.0e}/{self.seed}"


def read_config(path: Path) -> SweepConfig:
    """The configuration of a sweep."""
    return SweepConfig.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))


def runs(config: SweepConfig) -> list[Run]:
    """Every run, first seed first, and the middle of each learning-rate range before its ends.

    The order makes a table that is cut short useful: all tasks and methods are bracketed before any is refined.
    """
    order = (*config.seeds, *config.confirm_seeds)
    points = [
        Run(task=task, method=method, learning_rate=rate, seed=seed)
        for seed in order
        for task in config.tasks
        for method in config.methods
        if method.covers(task)
        for rate in (method.learning_rates if seed in config.seeds else method.confirm)
    ]

    def priority(run: Run) -> tuple[int, float, str]:
        logs = sorted(math.log10(rate) for rate in run.method.learning_rates)
        middle = (logs[0] + logs[-1]) / 2
        distance = round(abs(math.log10(run.learning_rate) - middle) + 1e-9, 1)
        return (order.index(run.seed), distance, run.id)

    return sorted(points, key=priority)
