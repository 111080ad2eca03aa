"""Every mutant: what is sabotaged, the gate that must stop it, and the exit code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from evaluation.mutants import engines, inputs
from evaluation.mutants.bench import Bench, Verdict


@dataclass(frozen=True)
class Mutant:
    """`gate` is `<policy>/<validation>`, or the class of the error that ends the command."""

    name: str
    gate: str
    exit_code: int
    run: Callable[[Bench], Verdict]
    quick: bool = False
    """Whether it runs in `make test` too; all run in `make prove`."""


OTHER = "0" * 64
YESTERDAY, LATER = "2026-11-23T00:00:00Z", "2026-12-01T00:00:00Z"
MUTANTS = (
    Mutant("all-rates-x10", "learning-rate-bound/within-two-fold", 1, engines.rates(10.0), quick=True),
    Mutant("all-rates-x3", "learning-rate-bound/within-two-fold", 1, engines.rates(3.0)),
    Mutant("rates-of-one-category-x10", "category-regression/ceiling", 1, engines.rates(10.0, "sft/qlora"), quick=True),
    Mutant("rates-of-full-dpo-x10", "category-regression/ceiling", 1, engines.rates(10.0, "preference/full")),
    Mutant("one-rate-for-all", "accuracy-ceiling/within-two-fold", 1, engines.constant_rate(1e-5)),
    Mutant("lora-answered-as-full", "category-regression/ceiling", 1, engines.swapped("sft/lora", "sft/full")),
    Mutant("rates-are-nan", "learning-rate-bound/within-two-fold", 1, engines.nan_rates),
    Mutant("rates-above-safety", "safety-bounds/none", 1, engines.rates(1000.0)),
    Mutant("epochs-above-safety", "safety-bounds/none", 1, engines.field("num_train_epochs", 500.0), quick=True),
    Mutant("memory-x0.7", "interval-coverage/coverage", 1, engines.memory(0.7), quick=True),
    Mutant("memory-x0.7-oom", "oom-safety/false-safe", 1, engines.memory(0.7)),
    Mutant("memory-x3", "sharpness/need-over-bound", 1, engines.memory(3.0), quick=True),
    Mutant("memory-x1.3", "memory-accuracy/median", 1, engines.memory(1.3)),
    Mutant("logits-dropped", "interval-coverage/coverage", 1, engines.without_term("logits_and_loss")),
    Mutant("everything-fits", "oom-safety/false-safe", 1, engines.verdicts("fits"), quick=True),
    Mutant("everything-is-refused", "sharpness/roomy-refused", 1, engines.verdicts("oom")),
    Mutant("confidence-0.99", "confidence-calibration/ece", 1, engines.confidence(0.99), quick=True),
    Mutant("confidence-0.01", "confidence-calibration/ece", 1, engines.confidence(0.01)),
    Mutant("confidence-inverted", "confidence-drift/brier", 1, engines.inverted_confidence),
    Mutant("guard-off", "css-integrity/caught", 1, engines.guard(False, "out_of_distribution"), quick=True),
    Mutant("guard-always-on", "css-integrity/false-alarms", 1, engines.guard(True, "in_distribution")),
    Mutant("guard-sure-of-itself", "css-integrity/caught", 1, engines.sure_guard),
    Mutant("no-answers-for-lora", "golden-set/answered", 1, engines.silent),
    Mutant("two-seconds-an-answer", "latency/absolute", 1, engines.slow),
    Mutant("slower-than-production", "latency-against-production/ratio", 1, engines.slower_than_production),
    Mutant("tampered-artifact", "artifact-integrity/digests", 1, engines.tampered, quick=True),
    Mutant("missing-category", "category-regression/ceiling", 4, inputs.lost_category, quick=True),
    Mutant("missing-from-production", "category-against-production/both-sides", 4, inputs.lost_baseline_category),
    Mutant("nan-metric", "learning-rate-bound/within-two-fold", 4, inputs.nan_metric),
    Mutant("empty-golden-set", "NothingEvaluated", 3, inputs.empty_golden_set, quick=True),
    Mutant("golden-set-without-ooms", "golden-set/ooms", 1, inputs.small_golden_set),
    Mutant("golden-rows-leaked", "dataset-disjointness/leaks", 1, inputs.leaked_rows, quick=True),
    Mutant("golden-rows-in-the-engine", "dataset-disjointness/leaks", 1, inputs.carried_rows),
    Mutant("no-gates", "NothingEvaluated", 3, inputs.no_gates),
    Mutant("misspelt-field", "InputFaults", 2, inputs.gate_file("report.false_safe ==", "report.false_saef =="), True),
    Mutant(
        "always-an-error", "oom-safety/false-safe", 1, inputs.gate_file("report.false_safe == 0", "1 / 0 == 0"), True
    ),
    Mutant("loosened-ceilings", "ceilings-ratchet/tighter", 1, inputs.loose_ceilings),
    Mutant("no-ceilings", "accuracy-ceiling/within-two-fold", 4, inputs.no_ceilings),
    Mutant("waiver-expired-yesterday", "waivers/not-expired", 1, inputs.waived("ceilings-ratchet", YESTERDAY), True),
    Mutant("waiver-of-a-hard-gate", "waivers/soft-gate", 1, inputs.waived("oom-safety", LATER)),
    Mutant("waiver-for-another-report", "ceilings-ratchet/tighter", 1, inputs.waived("ceilings-ratchet", LATER, OTHER)),
    Mutant("production-report-copied", "evidence/engine", 1, inputs.evidence(engine_digest=OTHER), quick=True),
    Mutant("report-of-another-engine", "evidence/engine", 1, inputs.evidence(engine="2026.01.0")),
    Mutant("report-on-an-older-golden-set", "evidence/golden-set", 1, inputs.evidence(golden_digest=OTHER)),
    Mutant("report-under-older-gates", "evidence/gates", 1, inputs.evidence(gates_digest=OTHER)),
    Mutant("engine-that-does-not-exist", "FtcError", 2, inputs.unknown_engine),
)


def problem_of(mutant: Mutant, bench: Bench) -> str:
    """Why a mutant was not stopped as it must be; empty when it was.

    The gate named must not have stopped the honest engine, or the mutant would prove nothing.
    """
    if mutant.gate in bench.verdict().stopped_by:
        return f"{mutant.name}: {mutant.gate} stops the honest engine as well"
    verdict = mutant.run(bench)
    if mutant.gate not in verdict.stopped_by:
        return f"{mutant.name}: not stopped by {mutant.gate}, but by {sorted(verdict.stopped_by) or 'nothing'}"
    if verdict.exit_code != mutant.exit_code:
        return f"{mutant.name}: ended with {verdict.exit_code}, not {mutant.exit_code} ({verdict.said})"
    return ""
