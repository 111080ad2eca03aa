"""The typed variables of each kind of policy. A field that is None is missing: a rule that needs it does not pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from tool.schema.policy import Kind


class Variable(BaseModel):
    """A group of plain values that an expression may name."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True)


class Category(Variable):
    """Scores of one category of golden cases. `learning_rate_error` is a factor (1 is exact), in median."""

    n: int | None = None
    within_two_fold: float | None = None
    learning_rate_error: float | None = None
    false_safe: int | None = None


class Report(Variable):
    """Scores of one engine over the golden set. Shares are between 0 and 1, memory ratios are predicted / measured."""

    engine: str | None = None
    cases: int | None = None
    learning_rate_cases: int | None = None
    memory_cases: int | None = None
    oom_cases: int | None = None
    out_of_distribution_cases: int | None = None
    in_distribution_cases: int | None = None
    outcome_cases: int | None = None
    unanswered: int | None = None
    false_safe: int | None = None
    within_two_fold: float | None = None
    within_two_fold_low: float | None = None
    learning_rate_error: float | None = None
    learning_rate_error_p90: float | None = None
    outcome_regret: float | None = None
    ece: float | None = None
    ece_high: float | None = None
    brier: float | None = None
    brier_high: float | None = None
    coverage: float | None = None
    sharpness: float | None = None
    memory_error: float | None = None
    roomy_refused: float | None = None
    safety_violations: int | None = None
    css_caught: float | None = None
    css_false_alarms: int | None = None
    latency_ms: float | None = None
    latency_ratio: float | None = None
    artifacts_intact: bool | None = None
    leaked_rows: int | None = None
    loosened: list[str] | None = None
    categories: dict[str, Category] | None = None


class Transition(Variable):
    """One step of the history. `move` is its kind, such as promote, raise or rollback; fractions are shares of keys."""

    move: str | None = None
    version: str | None = None
    from_: str | None = Field(default=None, alias="from")
    to: str | None = None
    fraction: float | None = None
    evidence_digest: str | None = None
    actor: str | None = None
    reason: str | None = None
    generation: int | None = None


class StateView(Variable):
    """The state before the step. `soak_hours` is how long the canary has run at its present fraction (hours)."""

    generation: int | None = None
    production: str | None = None
    last_live: str | None = None
    canary: str | None = None
    canary_fraction: float | None = None
    soak_hours: float | None = None
    holds: list[str] | None = None


class Change(Variable):
    """What a pull request touches beside the state. `events` counts the steps that it adds."""

    events: int | None = None
    policies: bool | None = None
    tool: bool | None = None
    evaluation: bool | None = None
    workflows: bool | None = None
    paths: list[str] | None = None


class Evidence(Variable):
    """The evaluation report that a step names, beside the digests that the tree has now."""

    engine: str | None = None
    engine_digest: str | None = None
    engine_digest_now: str | None = None
    golden_digest: str | None = None
    golden_digest_now: str | None = None
    ceilings_digest: str | None = None
    ceilings_digest_now: str | None = None
    gates_digest: str | None = None
    gates_digest_now: str | None = None
    against: str | None = None
    verdict: str | None = None
    hard_failures: list[str] | None = None
    soft_failures: list[str] | None = None
    undecided: list[str] | None = None
    unjudged: list[str] | None = None
    waived: list[str] | None = None


class Health(Variable):
    """The verdict of telemetry on the running canary. `age_hours` counts from the verdict to the step (hours)."""

    engine: str | None = None
    engine_digest: str | None = None
    engine_digest_now: str | None = None
    production: str | None = None
    generation: int | None = None
    fraction: float | None = None
    verdict: str | None = None
    age_hours: float | None = None
    runs_production: int | None = None
    runs_canary: int | None = None


class WaiverView(Variable):
    """A waiver beside the gate that it names. Days count from the clock (`days_left`) or the grant (`days_granted`)."""

    id: str | None = None
    gate: str | None = None
    gate_level: str | None = None
    approver: str | None = None
    days_left: float | None = None
    days_granted: float | None = None


class RecommendationView(Variable):
    """One recommended configuration, with the names of Hugging Face, TRL and PEFT; memory in GiB."""

    task_type: str | None = None
    objective: str | None = None
    adapter: str | None = None
    model_kind: str | None = None
    gpu_class: str | None = None
    learning_rate: float | None = None
    num_train_epochs: float | None = None
    warmup_ratio: float | None = None
    weight_decay: float | None = None
    max_grad_norm: float | None = None
    max_length: int | None = None
    lora_r: int | None = None
    lora_alpha: int | None = None
    lora_dropout: float | None = None
    per_device_train_batch_size: int | None = None
    gradient_accumulation_steps: int | None = None
    effective_batch_size: int | None = None
    precision: str | None = None
    quantization: str | None = None
    upper_gib: float | None = None
    usable_gib: float | None = None
    verdict: str | None = None
    confidence: float | None = None
    constrained_safe: bool | None = None


class StackView(Variable):
    """A dependency stack. `min_compute_capability` is what its kernels need, `cuda` what its torch was built for."""

    id: str | None = None
    min_compute_capability: float | None = None
    cuda: float | None = None
    packages: list[str] | None = None


class CardView(Variable):
    """A card. Cards of other makers than NVIDIA have no compute capability."""

    id: str | None = None
    compute_capability: float | None = None


class PlaceView(Variable):
    """Where it runs. `cuda` is the CUDA version of the platform's own torch, which its driver is known to run."""

    id: str | None = None
    cuda: float | None = None


class RunView(Variable):
    """What a configuration computes in."""

    precision: str | None = None
    attn_implementation: str | None = None


class TelemetryView(Variable):
    """What came back since the production engine was fitted. `memory_ratio` is measured / predicted peak, in median."""

    hours_since_training: float | None = None
    new_successes: int | None = None
    runs_7_days: int | None = None
    oom_rate_7_days: float | None = None
    memory_ratio: float | None = None
    memory_runs: int | None = None
    received: int | None = None
    accepted: int | None = None
    duplicates: int | None = None
    quarantined: int | None = None
    largest_source_events: int | None = None


@dataclass(frozen=True)
class Signature:
    """The variables of one kind, by name; `old` is the one that a test's old_input fills."""

    variables: dict[str, type[Variable]]
    old: str | None = None


KINDS: dict[Kind, Signature] = {
    "evaluation": Signature({"report": Report, "production": Report, "ceilings": Report}, old="production"),
    "transition": Signature({"transition": Transition, "state": StateView}, old="state"),
    "change": Signature(
        {
            "transition": Transition,
            "state": StateView,
            "change": Change,
            "evidence": Evidence,
            "health": Health,
        },
        old="state",
    ),
    "waiver": Signature({"waiver": WaiverView}),
    "recommendation": Signature({"rec": RecommendationView, "old": RecommendationView}, old="old"),
    "offer": Signature({"stack": StackView, "card": CardView, "place": PlaceView, "run": RunView}),
    "retraining": Signature({"telemetry": TelemetryView}),
}


def plain(variable: Variable | None) -> dict[str, Any]:
    """The values that are known, under the names that expressions use."""
    return variable.model_dump(by_alias=True, exclude_none=True) if variable is not None else {}
