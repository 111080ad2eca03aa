"""What people write for a platform and a plan → the platform, the plan's id and the plan."""

from __future__ import annotations

from tool.errors import BadRequest
from tool.load.name_keys import is_id, name_key, nearest
from tool.load.repo import Repo
from tool.schema.platform import Plan, Platform


def resolve_platform(repo: Repo, name: str) -> Platform | None:
    """The platform of that id, title or alias, or None."""
    if is_id(repo.platforms, name):
        return repo.platforms[name]
    key = name_key(name)
    for platform in repo.platforms:
        if key in {name_key(known) for known in (platform.id, platform.title, *platform.aliases)}:
            return platform
    return None


def resolve_plan(platform: Platform, name: str | None) -> tuple[str, Plan] | None:
    """The plan of that id or alias; the default plan where `name` is None."""
    if name is None:
        return platform.default_plan, platform.plans[platform.default_plan]
    if name in platform.plans:
        return name, platform.plans[name]
    key = name_key(name)
    for id, plan in platform.plans.items():
        if key in {name_key(known) for known in (id, *plan.aliases)}:
            return id, plan
    return None


def find_platform(repo: Repo, name: str) -> Platform:
    """Like `resolve_platform`, but a miss is a BadRequest that suggests the nearest name."""
    platform = resolve_platform(repo, name)
    if platform is None:
        close = nearest(name, [known for each in repo.platforms for known in (each.id, each.title, *each.aliases)])
        listing = f"known: {', '.join(repo.platforms.ids())}"
        raise BadRequest("platform", f"unknown platform {name!r}", f"did you mean {close!r}?" if close else listing)
    return platform


def find_plan(repo: Repo, platform_name: str, plan_name: str | None) -> tuple[Platform, str, Plan]:
    """Platform and plan by any of their names. Raises BadRequest with the nearest name or the list."""
    platform = find_platform(repo, platform_name)
    found = resolve_plan(platform, plan_name)
    if found is None:
        known = [name for id, plan in platform.plans.items() for name in (id, *plan.aliases)]
        close = nearest(str(plan_name), known)
        shown = list(platform.plans)[:8]
        listing = f"known: {', '.join(shown)}{', …' if len(platform.plans) > len(shown) else ''}"
        mend = f"did you mean {close!r}?" if close else listing
        raise BadRequest("plan", f"{platform.id} has no plan {plan_name!r}", mend)
    return platform, *found
