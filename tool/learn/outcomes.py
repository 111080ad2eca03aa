"""Measured outcomes: sweeps of really trained models → loss curves over the learning rate, optimum and regret."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from tool.errors import Fault, InputFaults
from tool.load.reserved import load_reserved
from tool.load.yaml_file import YamlFile
from tool.schema.outcome import SweepRun

SWEEPS = "registry/measurements/sweeps"
WIDEST_GAP = 0.75  # decades between neighbouring rates: beyond it the best rate is not bracketed but guessed
STEEPEST = 0.2  # a neighbour this much (relative) above the best has left the basin: no parabola goes through it
CEILING = 3.0  # a diverged run counts as this many times the untrained loss: far worse than any that converged


@dataclass(frozen=True)
class Curve:
    """Held-out loss over the learning rate for one task × method, seeds averaged.

    `rates` ascend; `losses` are those after the last step. `parameters` are the model's, in total.
    """

    model: str
    parameters: float
    hidden_size: int
    task: str
    task_type: str
    objective: str
    method: str
    adapter: str
    lora_r: int | None
    steps: int
    rates: tuple[float, ...]
    losses: tuple[float, ...]
    alpha_ratio: float = 2.0

    @property
    def id(self) -> str:
        return f"{self.model}/{self.task}/{self.method}"

    @property
    def best_loss(self) -> float:
        return min(self.losses)

    @property
    def is_bracketed(self) -> bool:
        """True when the best rate has a worse one close by on either side."""
        best = self.losses.index(self.best_loss)
        if not 0 < best < len(self.losses) - 1:
            return False
        logs = [math.log10(rate) for rate in self.rates[best - 1 : best + 2]]
        return max(logs[1] - logs[0], logs[2] - logs[1]) <= WIDEST_GAP

    def loss_at(self, rate: float) -> float:
        """Loss at any learning rate, linear in log10(rate) between measured points, flat beyond the ends."""
        x = math.log10(rate)
        logs = [math.log10(point) for point in self.rates]
        if x <= logs[0]:
            return self.losses[0]
        for left in range(len(logs) - 1):
            if x <= logs[left + 1]:
                share = (x - logs[left]) / (logs[left + 1] - logs[left])
                return self.losses[left] * (1 - share) + self.losses[left + 1] * share
        return self.losses[-1]

    def regret(self, rate: float) -> float:
        """Relative held-out loss above the best of the sweep."""
        return self.loss_at(rate) / self.best_loss - 1

    def optimum(self) -> float:
        """log10 of the best rate: the vertex of the parabola through the lowest point and its neighbours.

        Where the best is not bracketed, or a neighbour has diverged, it is the best rate that was tried.
        """
        best = self.losses.index(self.best_loss)
        if not self.is_bracketed or max(self.losses[best - 1 : best + 2]) > (1 + STEEPEST) * self.best_loss:
            return math.log10(self.rates[best])
        x = [math.log10(rate) for rate in self.rates[best - 1 : best + 2]]
        y = self.losses[best - 1 : best + 2]
        left, right = (x[1] - x[0]) * (y[1] - y[2]), (x[1] - x[2]) * (y[1] - y[0])
        vertex = x[1] - ((x[1] - x[0]) * left - (x[1] - x[2]) * right) / (2 * (left - right))
        return min(max(vertex, x[0]), x[2])


def load_curves(root: Path, include_reserved: bool = False) -> list[Curve]:
    """Curves of every sweep in the repository but the reserved ones, sorted by id.

    `include_reserved` is for evaluation alone. Raises InputFaults with every bad line.
    """
    reserved = load_reserved(root)
    faults: list[Fault] = []
    curves: list[Curve] = []
    for table in sorted((root / SWEEPS).glob("*.jsonl")):
        path = table.relative_to(root).as_posix()
        shape = _shape(root, path.removesuffix(".jsonl") + ".yaml")
        rows = _rows(table, path, faults)
        curves += _curves(rows, *shape)
    if faults:
        raise InputFaults(faults)
    kept = [curve for curve in curves if include_reserved or not reserved.has_sweep(curve.task, curve.method)]
    return sorted(kept, key=lambda curve: curve.id)


def _shape(root: Path, path: str) -> tuple[float, int]:
    """Total parameters and hidden size of the model of a sweep, from its configuration."""
    file = YamlFile.read(root, path)
    if file.faults or not isinstance(file.data, dict):
        raise InputFaults(file.faults or [Fault(path, 1, "", "is not a mapping", "write key: value lines")])
    missing = [key for key in ("parameters", "hidden_size") if not isinstance(file.data.get(key), int)]
    if missing:
        raise InputFaults([Fault(path, 0, key, "is missing or no whole number", "add it") for key in missing])
    return float(file.data["parameters"]), int(file.data["hidden_size"])


def _rows(table: Path, path: str, faults: list[Fault]) -> list[SweepRun]:
    rows = []
    for number, line in enumerate(table.read_text(encoding="utf-8").splitlines(), 1):
        try:
            rows.append(SweepRun.model_validate(json.loads(line)))
        except ValidationError as error:
            first = error.errors()[0]
            faults.append(Fault(path, number, ".".join(map(str, first["loc"])), first["msg"], "correct the row"))
        except ValueError as error:
            faults.append(Fault(path, number, "", f"is not JSON: {error}", "remove the line and sweep again"))
    return rows


def _curves(rows: list[SweepRun], parameters: float, hidden_size: int) -> list[Curve]:
    groups: dict[tuple[str, str], list[SweepRun]] = defaultdict(list)
    for row in rows:
        groups[row.task, row.method].append(row)
    curves = []
    for group in groups.values():
        by_rate = level_seeds(group)
        rates = tuple(sorted(by_rate))
        losses = tuple(sum(by_rate[rate]) / len(by_rate[rate]) for rate in rates)
        first = group[0]
        curves.append(
            Curve(
                first.model,
                parameters,
                hidden_size,
                first.task,
                first.task_type,
                first.objective,
                first.method,
                first.adapter,
                first.lora_r,
                max(row.steps for row in group),
                rates,
                losses,
                (first.lora_alpha or 2 * (first.lora_r or 1)) / (first.lora_r or 1),
            )
        )
    return [curve for curve in curves if len(curve.rates) >= 2]


def level_seeds(group: list[SweepRun]) -> dict[float, list[float]]:
    """Losses by rate, other seeds moved by what they differ from the first at the rates that both ran.

    Only some rates are run again: without this an easy seed would look like a good rate.
    """
    first = min(row.seed for row in group)
    losses = {(row.seed, row.learning_rate): _final_loss(row) for row in group}
    sound = {(row.seed, row.learning_rate) for row in group if not row.diverged}
    by_rate: dict[float, list[float]] = defaultdict(list)
    for seed in sorted({row.seed for row in group}):
        shared = [rate for at, rate in sound if at == seed and (first, rate) in sound]
        gap = sum(losses[seed, rate] - losses[first, rate] for rate in shared) / max(1, len(shared))
        for rate in sorted(rate for at, rate in losses if at == seed):
            by_rate[rate].append(losses[seed, rate] - gap)
    return by_rate


def _final_loss(row: SweepRun) -> float:
    """Loss after the last step, never above the ceiling, so that one explosion does not drown the curve."""
    ceiling = CEILING * row.held_out_loss["0"]
    return min(row.held_out_loss.get(str(row.steps), ceiling), ceiling)
