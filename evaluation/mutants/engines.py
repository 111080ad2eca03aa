"""Sabotaged engines: what they answer is wrong in one way."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from evaluation.golden_case import PRICED, GoldenCase
from evaluation.mutants.bench import Bench, Verdict
from evaluation.run import score

GIB = ("allocated_gib", "reserved_gib", "process_gib", "upper_gib")
Run = Callable[[Bench], Verdict]


def rates(factor: float, category: str | None = None) -> Run:
    """Learning rates × factor, of one category or of all."""

    def change(case: GoldenCase, said: dict[str, Any]) -> dict[str, Any]:
        if "config" in said and (category is None or case.category == category):
            said["config"]["learning_rate"] *= factor
        return said

    return lambda bench: bench.verdict(bench.edited(change))


def constant_rate(rate: float) -> Run:
    """One learning rate for everything."""

    def change(case: GoldenCase, said: dict[str, Any]) -> dict[str, Any]:
        if "config" in said:
            said["config"]["learning_rate"] = rate
        return said

    return lambda bench: bench.verdict(bench.edited(change))


def swapped(category: str, other: str) -> Run:
    """One category is answered with another's learning rate."""

    def run(bench: Bench) -> Verdict:
        donors = [bench.honest.answers[case.id] for case in bench.ground.cases if case.category == other]
        rate = donors[0]["config"]["learning_rate"]

        def change(case: GoldenCase, said: dict[str, Any]) -> dict[str, Any]:
            if case.category == category and "config" in said:
                said["config"]["learning_rate"] = rate
            return said

        return bench.verdict(bench.edited(change))

    return run


def memory(factor: float) -> Run:
    """Every forecast × factor, verdicts drawn anew."""

    def change(case: GoldenCase, said: dict[str, Any]) -> dict[str, Any]:
        return rejudged(said, factor, 0.0) if case.kind in PRICED else said

    return lambda bench: bench.verdict(bench.edited(change))


def without_term(name: str) -> Run:
    """One term of the memory is forgotten."""

    def change(case: GoldenCase, said: dict[str, Any]) -> dict[str, Any]:
        return rejudged(said, 1.0, -said["terms"].get(name, 0.0)) if case.kind in PRICED else said

    return lambda bench: bench.verdict(bench.edited(change))


def rejudged(said: dict[str, Any], factor: float, shift: float) -> dict[str, Any]:
    """Other sizes, and the verdict that follows from them."""
    for field in GIB:
        if said[field] is not None:
            said[field] = max(0.1, said[field] * factor + shift)
    if said["usable_gib"] and said["upper_gib"] is not None and said["verdict"] != "abstain":
        fits, over = said["upper_gib"] <= said["usable_gib"], said["allocated_gib"] > said["usable_gib"]
        said["verdict"] = "fits" if fits else "oom" if over else "tight"
    return said


def verdicts(verdict: str) -> Run:
    """The same memory verdict for everything."""

    def change(case: GoldenCase, said: dict[str, Any]) -> dict[str, Any]:
        return said | {"verdict": verdict} if case.kind in PRICED else said

    return lambda bench: bench.verdict(bench.edited(change))


def confidence(value: float) -> Run:
    """The same confidence for everything that is known."""

    def change(case: GoldenCase, said: dict[str, Any]) -> dict[str, Any]:
        return said | {"confidence": value} if case.kind not in (*PRICED, "out_of_distribution") else said

    return lambda bench: bench.verdict(bench.edited(change))


def inverted_confidence(bench: Bench) -> Verdict:
    """Sure where the honest engine doubts, and the other way round."""

    def change(case: GoldenCase, said: dict[str, Any]) -> dict[str, Any]:
        return said | {"confidence": 1.0 - said["confidence"]} if case.kind == "expert" else said

    return bench.verdict(bench.edited(change))


def guard(constrained: bool, kind: str) -> Run:
    """The guard says the same to every request of a kind."""

    def change(case: GoldenCase, said: dict[str, Any]) -> dict[str, Any]:
        return said | {"constrained_safe": constrained} if case.kind == kind else said

    return lambda bench: bench.verdict(bench.edited(change))


def sure_guard(bench: Bench) -> Verdict:
    """Constrained-safe answers that are sure of themselves."""

    def change(case: GoldenCase, said: dict[str, Any]) -> dict[str, Any]:
        return said | {"confidence": 0.95} if case.kind == "out_of_distribution" else said

    return bench.verdict(bench.edited(change))


def field(name: str, value: Any) -> Run:
    """One field of every recommended configuration has one value."""

    def change(case: GoldenCase, said: dict[str, Any]) -> dict[str, Any]:
        if "config" in said:
            said["config"][name] = value
        return said

    return lambda bench: bench.verdict(bench.edited(change))


def silent(bench: Bench) -> Verdict:
    """An engine that answers none of one kind of run."""
    answers = {
        case.id: {"error": "no answer"} if case.category == "sft/lora" else bench.honest.answers[case.id]
        for case in bench.ground.cases
    }
    return bench.verdict(score(bench.ground, bench.honest.subject, answers, bench.honest.seconds))


def nan_rates(bench: Bench) -> Verdict:
    """Learning rates that are no numbers."""
    return field("learning_rate", math.nan)(bench)


def slow(bench: Bench) -> Verdict:
    """An engine that takes two seconds an answer."""
    return bench.verdict(score(bench.ground, bench.honest.subject, bench.honest.answers, 2.0))


def slower_than_production(bench: Bench) -> Verdict:
    """An engine that takes twenty times as long as production."""
    seconds = bench.honest.seconds or 1e-3
    found = score(bench.ground, bench.honest.subject, bench.honest.answers, seconds * 20, seconds)
    return bench.verdict(found, baseline=bench.honest)


def tampered(bench: Bench) -> Verdict:
    """An engine one of whose artifacts was changed after training: it cannot be opened."""
    broken = replace(bench.honest.subject, problem="serving.npz has another digest than engine.yaml names")
    answers = {case.id: {"error": broken.problem} for case in bench.ground.cases}
    return bench.verdict(score(bench.ground, broken, answers, None))
