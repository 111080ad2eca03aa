"""One finished run of a learning-rate sweep: a measured outcome, which outweighs imitation."""

from __future__ import annotations

from pydantic import Field

from tool.schema.base import Adapter, Objective, Record


class SweepRun(Record):
    """A row of `registry/measurements/sweeps/*.jsonl`.

    `held_out_loss` is the mean loss per labelled token by optimizer step (step 0: untrained). `tokens` were seen in
    training, padding left out. `batch` is sequences an optimizer step, `seconds` wall time on one CPU thread.
    A run that blew up has `diverged: true`, and no loss for the steps that it did not reach.
    """

    id: str
    model: str
    task: str
    task_type: str
    objective: Objective
    method: str
    adapter: Adapter
    lora_r: int | None
    lora_alpha: int | None
    learning_rate: float = Field(gt=0, lt=1)
    seed: int
    steps: int = Field(ge=1)
    batch: int = Field(ge=1)
    tokens: int = Field(ge=1)
    trained_tensors: int = Field(ge=1)
    held_out_loss: dict[str, float]
    first_loss: float | None
    last_loss: float | None
    diverged: bool
    text_sha256: str
    seconds: float
    versions: dict[str, str]
