"""Everything that must hold across files, not only inside one: references, aliases, counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tool.architecture import inventory
from tool.errors import Fault, InputFaults
from tool.learn.outcomes import load_curves
from tool.load.repo import Repo, open_repo
from tool.load.yaml_file import YamlFile
from tool.memory.measurements import load_measurements
from tool.memory.overhead import load_calibration
from tool.policy.files import read_policies
from tool.policy.fixtures import load_tests
from tool.policy.policies import load_policies
from tool.policy.waivers import load_waivers
from tool.recipes import recipe_faults
from tool.schema.catalog import CatalogGroup

Field = tuple[str | int, ...]


def validate(root: Path) -> tuple[dict[str, int], list[Fault]]:
    """(number of records by noun, all faults of all files). References are judged only where both ends load.

    Raises FtcError for a folder that is no repository.
    """
    repo = open_repo(root)
    faults = [fault for records in repo.all_records for fault in records.load_all()] + list(recipe_faults(root))
    counts = {f"{records.noun}s": len(records) for records in repo.all_records}
    faults += rule_faults(root)
    faults += [fault for read in READERS for fault in _raised(read, root)]
    faults += [fault for check in CHECKS for fault in _raised(check, repo)]
    return counts, sorted(set(faults))


READERS: tuple[Callable[[Path], Any], ...] = (
    load_calibration,
    load_measurements,
    load_curves,
    lambda root: load_tests(read_policies(root)),
)
"""What learning, memory and the rules' own tests read: each raises InputFaults with every fault of its files."""


def _raised(read: Callable[[Any], Any], what: Path | Repo) -> list[Fault]:
    """The faults that a reader of `what` yields or raises; the rest of what it gives is not kept."""
    faults: list[Fault] = []
    try:
        faults += [item for item in read(what) if isinstance(item, Fault)]
    except InputFaults as error:
        faults += error.faults
    return faults


def rule_faults(root: Path) -> list[Fault]:
    """Faults of policies (form, and expressions that do not compile) and of waivers."""
    files = read_policies(root)
    faults: list[Fault] = []
    try:
        faults += load_policies(files).check()
    except InputFaults as error:
        faults += error.faults
    try:
        load_waivers(files)
    except InputFaults as error:
        faults += error.faults
    return faults


def platform_references(repo: Repo) -> Iterable[Fault]:
    """Every plan names cards and a stack that exist, and the default plan is one of the plans."""
    for platform in repo.platforms:
        path = repo.platforms.path(platform.id)
        if platform.default_plan not in platform.plans:
            yield Fault(
                path,
                line_of(repo, path, ("default_plan",)),
                "default_plan",
                f"no such plan {platform.default_plan!r}",
                "name one of plans",
            )
        for name, plan in platform.plans.items():
            if plan.stack not in repo.stacks:
                yield missing(
                    repo, path, ("plans", name, "stack"), plan.stack, "dependency stack", "profiles/dependencies"
                )
            for index, offer in enumerate(plan.cards):
                if offer.gpu not in repo.gpus:
                    yield missing(repo, path, ("plans", name, "cards", index, "gpu"), offer.gpu, "GPU", "profiles/gpus")


def missing(repo: Repo, path: str, field: Field, id: str, noun: str, folder: str) -> Fault:
    """A fault for a name that no file defines, with its line."""
    place = ".".join(str(part) for part in field)
    mend = f"add {folder}/{id}.yaml or correct the name"
    return Fault(path, line_of(repo, path, field), place, f"no such {noun} {id!r}", mend)


def line_of(repo: Repo, path: str, field: Field) -> int:
    """The line of a field in a file, from 1. Keys may hold dots, so a field is its parts."""
    return YamlFile.read(repo.root, path).line_of(field)


def catalog_references(repo: Repo) -> Iterable[Fault]:
    """Every name in the catalogue exists."""
    try:
        catalog = repo.catalog
    except InputFaults as error:
        yield from error.faults
        return
    for index, group in enumerate(catalog.groups):
        yield from _group_references(repo, index, group)


def _group_references(repo: Repo, index: int, group: CatalogGroup) -> Iterable[Fault]:
    path = "profiles/catalog.yaml"
    for number, model in enumerate(group.models):
        if model not in repo.models:
            yield missing(repo, path, ("groups", index, "models", number), model, "model", "registry/models")
    for number, task in enumerate(group.tasks):
        if task not in repo.tasks:
            yield missing(repo, path, ("groups", index, "tasks", number), task, "task", "profiles/tasks")
    for number, place in enumerate(group.platforms):
        parts = place.split("/")
        known = len(parts) in (2, 3) and parts[0] in repo.platforms and parts[1] in repo.platforms[parts[0]].plans
        if not known:
            yield missing(
                repo, path, ("groups", index, "platforms", number), place, "platform/plan", "profiles/platforms"
            )


def model_references(repo: Repo) -> Iterable[Fault]:
    """No alias names two models, and none hides a real id."""
    owners: dict[str, str] = {model.id.casefold(): model.id for model in repo.models}
    for model in repo.models:
        for alias in model.aliases:
            owner = owners.setdefault(alias.casefold(), model.id)
            if owner != model.id:
                path = repo.models.path(model.id)
                line = line_of(repo, path, ("aliases", model.aliases.index(alias)))
                yield Fault(path, line, "aliases", f"alias {alias!r} already means {owner}", "keep it in one place")


def name_collisions(repo: Repo) -> Iterable[Fault]:
    """No two cards, tasks, platforms or plans answer to the same name, and each stack runs on its cards."""
    from tool.load.gpu_names import alias_faults as gpu_faults
    from tool.load.profile_faults import profile_faults
    from tool.load.task_names import alias_faults as task_faults

    yield from gpu_faults(repo)
    yield from task_faults(repo)
    yield from profile_faults(repo)


def parameter_counts(repo: Repo) -> Iterable[Fault]:
    """The stated parameter count of every model is the one that its architecture fields give."""
    for model in repo.models:
        counted = inventory(model.architecture).total
        if counted != model.parameters:
            message = f"is {model.parameters}, but the architecture fields give {counted}"
            path = repo.models.path(model.id)
            yield Fault(path, line_of(repo, path, ("parameters",)), "parameters", message, "correct whichever is wrong")


def stacks_on_cards(repo: Repo) -> Iterable[Fault]:
    """Every plan's stack may be offered on its cards, by the policies of kind offer."""
    from tool.policy.offers import offer_faults

    yield from offer_faults(repo)


CHECKS: tuple[Callable[[Repo], Iterable[Fault]], ...] = (
    platform_references,
    catalog_references,
    model_references,
    name_collisions,
    parameter_counts,
    stacks_on_cards,
)
