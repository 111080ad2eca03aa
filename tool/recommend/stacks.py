"""Which dependency stack an answer comes with: one that has kernels for the card and runs on the driver there."""

from __future__ import annotations

from dataclasses import dataclass

from tool.load import Repo
from tool.load.profile_faults import capability
from tool.policy.offers import objection
from tool.recommend.question import Question
from tool.schema.dependency import Stack


@dataclass(frozen=True)
class Choice:
    """The stack (None: there is none), and why others were ruled out."""

    stack: Stack | None
    ruled_out: tuple[str, ...] = ()


def choose_stack(repo: Repo, question: Question) -> Choice:
    """The plan's stack; for a bare card, or where that one cannot run, the newest stack of trl that can."""
    hardware = question.hardware
    plain = [stack for stack in repo.stacks if stack.framework == "trl" and not stack.from_image]
    plain.sort(key=lambda stack: (capability(stack.min_compute_capability) or (0, 0), stack.id), reverse=True)
    if hardware is None:
        return Choice(plain[0] if plain else None)
    first = [repo.stacks[hardware.plan.stack]] if hardware.plan else []
    ruled_out: list[str] = []
    for stack in [*first, *(stack for stack in plain if stack not in first)]:
        said = objection(repo.root, stack, hardware.gpu, hardware.plan)
        if said is None:
            return Choice(stack, tuple(ruled_out))
        ruled_out.append(said)
    return Choice(None, tuple(ruled_out))


def stack_of(repo: Repo, question: Question) -> Stack | None:
    """The stack of an answer; None where none runs on the card."""
    return choose_stack(repo, question).stack
