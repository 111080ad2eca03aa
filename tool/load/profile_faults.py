"""Faults of meaning between profiles: names that two of them claim, cards too old for a stack, days in the wrong order.

That every name exists is checked in tool/load/check.py; here a missing one is passed over.
"""

from __future__ import annotations

from collections.abc import Iterator

from tool.errors import Fault
from tool.load.name_keys import collisions
from tool.load.repo import Repo
from tool.load.yaml_file import YamlFile
from tool.schema.catalog import CatalogGroup
from tool.schema.gpu import Gpu
from tool.schema.platform import CardOffer, Plan, Platform

Field = tuple[str | int, ...]


def capability(text: str | None) -> tuple[int, int] | None:
    """A compute capability such as "8.6" as numbers that compare; None for cards that have none."""
    if text is None:
        return None
    major, minor = text.split(".")
    return int(major), int(minor)


def stack_runs_on(minimum: str | None, card: Gpu) -> bool:
    """Whether a stack with that minimum compute capability has kernels for the card."""
    needed, present = capability(minimum), capability(card.compute_capability)
    return needed is None or (present is not None and present >= needed)


class _Places:
    """Makes faults of one file, with lines."""

    def __init__(self, repo: Repo, path: str) -> None:
        self._path, self._file = path, YamlFile.read(repo.root, path)

    def fault(self, field: Field, message: str, mend: str) -> Fault:
        name = ".".join(str(part) for part in field)
        return Fault(self._path, self._file.line_of(field), name, message, mend)


def _offer_faults(repo: Repo, plan: Plan, offer: CardOffer, at: Field, places: _Places) -> Iterator[Fault]:
    if offer.gpu not in repo.gpus or plan.stack not in repo.stacks:
        return
    card = repo.gpus[offer.gpu]
    if offer.usable_gib is not None and offer.usable_gib > card.nominal_gb:
        yield places.fault((*at, "usable_gib"), f"exceeds the {card.nominal_gb:g} GB of {card.id}", "correct it (GiB)")
    needed = repo.stacks[plan.stack].min_compute_capability
    if not stack_runs_on(needed, card):
        message = f"stack {plan.stack} needs compute capability {needed}, {card.id} has {card.compute_capability}"
        yield places.fault((*at, "gpu"), message, "choose another stack or card")


def _platform_faults(repo: Repo, platform: Platform) -> Iterator[Fault]:
    places = _Places(repo, repo.platforms.path(platform.id))
    names = {id: (id, *plan.aliases) for id, plan in platform.plans.items()}
    for owner, name, holder in collisions(names):
        yield places.fault(("plans", owner, "aliases"), f"{name!r} also names plan {holder}", "keep it on one plan")
    for id, plan in platform.plans.items():
        if plan.valid_until < plan.as_of:
            yield places.fault(("plans", id, "valid_until"), "lies before as_of", "correct one of the two days")
        for position, offer in enumerate(plan.cards):
            yield from _offer_faults(repo, plan, offer, ("plans", id, "cards", position), places)


def _platform_name_faults(repo: Repo) -> Iterator[Fault]:
    names = {platform.id: (platform.id, platform.title, *platform.aliases) for platform in repo.platforms}
    for owner, name, holder in collisions(names):
        places = _Places(repo, repo.platforms.path(owner))
        yield places.fault(("aliases",), f"{name!r} also names {holder}", "keep it on one platform")


def _task_faults(repo: Repo) -> Iterator[Fault]:
    for task in repo.tasks:
        if task.objective not in task.objectives:
            places = _Places(repo, repo.tasks.path(task.id))
            yield places.fault(("objectives",), f"lacks the default objective {task.objective!r}", "add it")


def _group_faults(repo: Repo, group: CatalogGroup, at: Field, places: _Places) -> Iterator[Fault]:
    for name in group.tasks:
        if group.objective and name in repo.tasks and group.objective not in repo.tasks[name].objectives:
            message = f"{name} has no objective {group.objective!r}"
            yield places.fault((*at, "objective"), message, f"one of {', '.join(repo.tasks[name].objectives)}")
    for position, place in enumerate(group.platforms):
        platform, plan, gpu = [*place.split("/", 2), "", ""][:3]
        offered = repo.platforms[platform].plans.get(plan) if platform in repo.platforms else None
        if gpu and offered and gpu not in {offer.gpu for offer in offered.cards}:
            field = (*at, "platforms", position)
            cards = ", ".join(offer.gpu for offer in offered.cards)
            yield places.fault(field, f"{platform}/{plan} does not offer {gpu!r}", f"one of {cards}")


def profile_faults(repo: Repo) -> list[Fault]:
    """Every fault between profiles, sorted. All records must load."""
    faults = [*_platform_name_faults(repo), *_task_faults(repo)]
    for platform in repo.platforms:
        faults += _platform_faults(repo, platform)
    if (repo.root / "profiles/catalog.yaml").is_file():
        places = _Places(repo, "profiles/catalog.yaml")
        for number, group in enumerate(repo.catalog.groups):
            faults += _group_faults(repo, group, ("groups", number), places)
    return sorted(faults)
