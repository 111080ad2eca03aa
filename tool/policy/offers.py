"""Which dependency stack may be offered on which card: what policies of kind `offer` see, and their arithmetic.

`ftc validate` judges every plan of every platform by those policies. A recommendation is made in milliseconds, so it
compares the same numbers itself, with the parameters of the same policy, and CEL is not loaded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tool.errors import Fault
from tool.load.profile_faults import capability, stack_runs_on
from tool.load.repo import Repo
from tool.load.yaml_file import YamlFile
from tool.schema.dependency import Stack
from tool.schema.gpu import Gpu
from tool.schema.platform import Plan

if TYPE_CHECKING:
    from tool.policy.policies import Policies

CUDA_BUILD = "torch-cuda-build"
FLASH_ATTENTION = "flash-attention-needs-ampere"
_BUILD = re.compile(r"^(?:.*\+)?cu(\d+)(\d)$")
_NEVER = datetime(2026, 1, 1, tzinfo=UTC)
"""No policy of this kind asks for the time."""


def cuda_of(text: str | None) -> float | None:
    """The CUDA version that a build names: `cu126` and `2.11.0+cu128` give 12.6 and 12.8; None where it names none."""
    found = _BUILD.match(text or "")
    return float(f"{found[1]}.{found[2]}") if found else None


def stack_cuda(stack: Stack) -> float | None:
    """The CUDA version that the torch of a stack was built for."""
    if "torch" in stack.from_image:
        return cuda_of(stack.from_image["torch"])
    return cuda_of(stack.torch_backend) or (float(stack.cuda) if stack.cuda else None)


def place_cuda(plan: Plan | None) -> float | None:
    """The CUDA version of the torch that a plan's image brings, which the driver there runs."""
    return cuda_of(str(plan.image.get("torch", ""))) if plan else None


def packages(stack: Stack) -> list[str]:
    """Names of what a stack pins or takes from the image, with dashes."""
    return sorted({name.replace("_", "-") for name in (*stack.pins, *stack.from_image)})


def offer(stack: Stack, card: Gpu, place: str | None = None, plan: Plan | None = None, **run: str) -> dict[str, Any]:
    """One offer as policies see it. `run` may hold precision and attn_implementation."""
    needed, present = capability(stack.min_compute_capability), capability(card.compute_capability)
    views: dict[str, dict[str, Any]] = {
        "stack": {
            "id": stack.id,
            "min_compute_capability": _decimal(needed),
            "cuda": stack_cuda(stack),
            "packages": packages(stack),
        },
        "card": {"id": card.id, "compute_capability": _decimal(present)},
        "place": {"id": place, "cuda": place_cuda(plan)},
        "run": dict(run),
    }
    return {name: {key: value for key, value in view.items() if value is not None} for name, view in views.items()}


def _decimal(version: tuple[int, int] | None) -> float | None:
    return float(f"{version[0]}.{version[1]}") if version else None


def refusals(policies: Policies, data: dict[str, Any]) -> list[str]:
    """What the policies say against an offer; what they cannot judge counts against it."""
    outcomes = policies.judge("offer", data, _NEVER)
    return [f"{outcome.message} (policy {outcome.policy})" for outcome in outcomes if not outcome.passed]


def offer_faults(repo: Repo) -> Iterator[Fault]:
    """Every plan whose stack may not be offered on one of its cards.

    Names that do not exist, and kernels that are missing, are faults of profiles already (tool/load) and passed over.
    """
    from tool.policy.files import read_policies
    from tool.policy.policies import load_policies

    policies = load_policies(read_policies(repo.root), ("safety",))
    for platform in repo.platforms:
        for name, plan in platform.plans.items():
            for position, offered in enumerate(plan.cards):
                if plan.stack not in repo.stacks or offered.gpu not in repo.gpus:
                    continue
                stack, card = repo.stacks[plan.stack], repo.gpus[offered.gpu]
                if not stack_runs_on(stack.min_compute_capability, card):
                    continue
                precision = "bf16" if card.bf16 else "fp16"
                for said in refusals(policies, offer(stack, card, f"{platform.id}/{name}", plan, precision=precision)):
                    path, field = repo.platforms.path(platform.id), ("plans", name, "cards", position, "gpu")
                    line = YamlFile.read(repo.root, path).line_of(field)
                    yield Fault(path, line, ".".join(map(str, field)), said, "choose another stack or card")


@lru_cache(maxsize=8)
def _parameters(root: Path, policy: str) -> dict[str, float]:
    data: Any = YamlFile.read(root, f"policies/safety/{policy}.yaml").data
    return dict(data["params"])


def objection(root: Path, stack: Stack, card: Gpu, plan: Plan | None = None) -> str | None:
    """Why a stack may not be offered on a card, in words; None where it may."""
    needed, has = stack.min_compute_capability, card.compute_capability
    if not stack_runs_on(needed, card):
        return f"{stack.id} needs compute capability {needed}, {card.id} has {has or 'none'}"
    built, present, known = stack_cuda(stack), _decimal(capability(has)), place_cuda(plan)
    if present is None:
        return None
    if "flash-attn" in packages(stack) and present < _parameters(root, FLASH_ATTENTION)["least"]:
        return f"{stack.id} holds FlashAttention 2, which {card.id} cannot run"
    if built is None:
        return None
    limits = _parameters(root, CUDA_BUILD)
    built_for = f"the torch of {stack.id} is built for CUDA {built:g}"
    if built >= limits["cuda_13"] and present < limits["cuda_13_from"]:
        return f"{built_for}, which dropped {card.id}"
    if present >= limits["blackwell"] and built < limits["blackwell_cuda"]:
        return f"{built_for}, {card.id} needs {limits['blackwell_cuda']:g} or newer"
    if known is not None and int(built) > int(known):
        return f"{built_for}, the driver there is known to run {known:g}"
    return None
