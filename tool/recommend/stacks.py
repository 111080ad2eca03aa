"""Which dependency stack an answer comes with: one that has kernels for the card and runs on the driver there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tool.load import Repo
from tool.load.profile_faults import capability
from tool.policy.offers import objection
from tool.recommend.question import Question
from tool.schema.dependency import Stack
from tool.schema.platform import Plan


@dataclass(frozen=True)
class Choice:
    """The stack (None: there is none), and why others were ruled out."""

    stack: Stack | None
    ruled_out: tuple[str, ...] = ()


def choose_stack(repo: Repo, question: Question) -> Choice:
    """The plan's stack; for a bare card, or where that one cannot run, the newest stack of trl that can."""
    hardware = question.hardware
    if hardware is None:
        return Choice(next(_plain(repo), None))
    ruled_out: list[str] = []
    for stack in _candidates(repo, hardware.plan):
        said = objection(repo.root, stack, hardware.gpu, hardware.plan)
        if said is None:
            return Choice(stack, tuple(ruled_out))
        ruled_out.append(said)
    return Choice(None, tuple(ruled_out))


def _candidates(repo: Repo, plan: Plan | None) -> Iterator[Stack]:
    """The plan's own stack first. The others are read only when they are asked for: each one read is an input."""
    if plan:
        yield repo.stacks[plan.stack]
    yield from (stack for stack in _plain(repo) if not plan or stack.id != plan.stack)


def _plain(repo: Repo) -> Iterator[Stack]:
    """Stacks of trl that need no platform's image, the newest first."""
    found = [stack for stack in repo.stacks if stack.framework == "trl" and not stack.from_image]
    found.sort(key=lambda stack: (capability(stack.min_compute_capability) or (0, 0), stack.id), reverse=True)
    yield from found


def stack_of(repo: Repo, question: Question) -> Stack | None:
    """The stack of an answer; None where none runs on the card."""
    return choose_stack(repo, question).stack
