"""Golden cases from reserved sources: expert configurations, measured peaks and OOMs, measured outcomes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from evaluation.golden_case import GoldenCase
from evaluation.twins import config_key, run_key
from tool.learn.fields import FIELDS
from tool.learn.opinions import Opinion, opinions
from tool.learn.outcomes import SWEEPS, Curve, load_curves
from tool.load import Repo
from tool.load.reserved import load_reserved
from tool.memory.measurements import Measurement, load_measurements
from tool.recipes import Recipe, load_recipes
from tool.rounding import rounded, significant

RATE = "learning_rate"
METHODS = ("full", "lora", "qlora", "dora")
PREFERENCE = ("dpo", "orpo", "kto", "simpo")


def group_of(objective: str, adapter: str) -> str:
    """The category of a run: what learning rates tell apart."""
    group = "preference" if objective in PREFERENCE else objective
    return f"{group}/{'lora' if adapter == 'dora' else adapter}"


def expert_cases(repo: Repo) -> list[GoldenCase]:
    """Each distinct learning rate that a reserved repository (or anyone for a reserved family) published.

    A repository has the say of the square root of its distinct choices of objective, adapter and rate, shared equally
    by its cases: one value copied through a hundred files is one opinion. A configuration that also stands in a
    repository that may be learned from is left out.
    """
    reserved = load_reserved(repo.root)
    every = load_recipes(repo, include_reserved=True).recipes
    known = {config_key(recipe) for recipe in load_recipes(repo).recipes}
    held = [
        recipe
        for recipe in every
        if reserved.has_recipe(recipe.source.repo, recipe.family)
        and recipe.learning_rate
        and (recipe.registry_model or recipe.params_b)
        and config_key(recipe) not in known
    ]
    by_id = {recipe.id: recipe for recipe in held}
    items = [item for item in opinions(held) if RATE in item.values]
    shares = _shares(items)
    return [_expert(repo, by_id[item.id], shares[item.id]) for item in items]


def _shares(items: Sequence[Opinion]) -> dict[str, float]:
    rows = Counter(item.repository for item in items)
    choices = {(i.repository, i.facts.objective, i.facts.adapter, i.values[RATE]) for i in items}
    distinct = Counter(choice[0] for choice in choices)
    return {item.id: significant(distinct[item.repository] ** 0.5 / rows[item.repository]) for item in items}


def _expert(repo: Repo, recipe: Recipe, weight: float) -> GoldenCase:
    request: dict[str, Any] = {"adapter": recipe.adapter, "objective": recipe.objective}
    if recipe.registry_model:
        request["model"] = recipe.registry_model
    else:
        request["params_b"] = significant(float(recipe.params_b or 0.0))
    task = recipe.task_type
    if task in repo.tasks.ids() and recipe.objective in repo.tasks[task].objectives:
        request["task"] = task
    if recipe.max_length and recipe.max_length >= 8:
        request["seq_len"] = recipe.max_length
    if recipe.gpus:
        request["gpus"] = recipe.gpus
    source = {"repo": recipe.source.repo, "path": recipe.source.path, "commit": recipe.source.commit}
    return GoldenCase(
        id=f"expert/{recipe.id}",
        kind="expert",
        category=group_of(recipe.objective, recipe.adapter),
        request=request,
        expect={RATE: FIELDS[RATE].read(recipe), "constrained_safe": False},
        source={"recipe": recipe.id, **{key: value for key, value in source.items() if value}},
        weight=weight,
    )


def memory_cases(repo: Repo) -> list[GoldenCase]:
    """Reserved measurements of a method that can be priced: peaks, and runs that ran out of memory."""
    reserved = load_reserved(repo.root)
    every = load_measurements(repo.root, include_reserved=True)
    known = {run_key(row) for row in load_measurements(repo.root)}
    held = [row for row in every if reserved.has_measurement(row.id) and row.method in METHODS]
    wanted = [row for row in held if run_key(row) not in known]
    return [case for row in wanted for case in _measured(row)]


def _measured(row: Measurement) -> Iterable[GoldenCase]:
    plain = row.request().model_dump(mode="json", by_alias=True, exclude_none=True)
    plain.pop("id", None)
    need = row.peak_allocated_gib or row.judged_gib
    oom = row.outcome == "oom"
    if not oom and (need is None or row.judged_gib is None):
        return
    expect: dict[str, Any] = {"oom": True} if oom else {}
    if not oom:
        expect = {"need_gib": need, "peak_gib": row.judged_gib, "peak_kind": row.peak_kind, "exact": row.seq_len_exact}
    yield GoldenCase(
        id=f"{'oom' if oom else 'memory'}/{row.id}",
        kind="oom" if oom else "memory",
        category=f"memory/{row.method}",
        request=plain,
        expect=rounded(expect),
        source={"measurement": row.id, **{key: value for key, value in row.source.items() if value}},
    )


def outcome_cases(repo: Repo) -> list[GoldenCase]:
    """Reserved loss curves over the learning rate."""
    reserved = load_reserved(repo.root)
    curves = load_curves(repo.root, include_reserved=True)
    return [_outcome(curve) for curve in curves if reserved.has_sweep(curve.task, curve.method)]


def _outcome(curve: Curve) -> GoldenCase:
    return GoldenCase(
        id=f"outcome/{curve.task}/{curve.method}",
        kind="outcome",
        category=f"outcome/{curve.adapter}",
        request={
            "model": curve.model,
            "objective": curve.objective,
            "task": curve.task_type,
            "adapter": curve.adapter,
        },
        expect={"rates": list(curve.rates), "losses": [significant(loss, 6) for loss in curve.losses]},
        source={"folder": SWEEPS, "sweep": f"{curve.task}/{curve.method}"},
    )
