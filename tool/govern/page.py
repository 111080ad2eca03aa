"""What a reviewer reads on one screen: the verdict beside what it moves and what follows from it."""

from __future__ import annotations

from tool.govern.comment import verdict_page
from tool.govern.impact import canary_impact, production_impact
from tool.govern.prepare import Desk
from tool.govern.status import following
from tool.govern.verify import Verdict


def review_page(desk: Desk, verdict: Verdict) -> str:
    """The comment on a change of a tree. What moves is left out where the base has moved on."""
    if verdict.generation is None:
        return verdict_page(verdict)
    moved = [step.event.version for step in verdict.steps if step.event.version]
    after = following(desk, moved[-1]) if moved and not verdict.findings else None
    return verdict_page(verdict, production_impact(desk.root, verdict.base), canary_impact(desk.root), after)
