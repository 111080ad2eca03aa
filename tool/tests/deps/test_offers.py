"""No card is offered a stack without kernels for it, by rule and by the arithmetic that answers use."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tool.deps import lock_path
from tool.load import open_repo
from tool.policy.files import read_policies
from tool.policy.offers import objection, offer, offer_faults, refusals, stack_cuda
from tool.policy.policies import load_policies
from tool.recommend import recommend
from tool.schema.recommendation import RecommendRequest

ROOT = Path(__file__).resolve().parents[3]
REPO = open_repo(ROOT)
POLICIES = load_policies(read_policies(ROOT), ("safety",))
TRL = REPO.stacks["trl"]
NEEDS_AMPERE = TRL.model_copy(update={"id": "needs-ampere", "min_compute_capability": "8.0"})
WITH_FLASH = TRL.model_copy(update={"id": "with-flash", "pins": {**TRL.pins, "flash_attn": "2.8.3"}})


def test_arithmetic_and_rules_agree() -> None:
    """For every stack on every card, alone and on an image of CUDA 12.8, both say the same."""
    image = REPO.platforms["colab"].plans["free"]
    pairs = [
        (stack, card, plan)
        for stack in [*REPO.stacks, NEEDS_AMPERE, WITH_FLASH]
        for card in REPO.gpus
        for plan in (None, image)
    ]
    ruled = {bool(objection(ROOT, *pair)) for pair in pairs}
    assert ruled == {True, False}
    differ = [
        (stack.id, card.id, plan is image)
        for stack, card, plan in pairs
        if bool(objection(ROOT, stack, card, plan)) != bool(refusals(POLICIES, offer(stack, card, "there", plan)))
    ]
    assert differ == []


@pytest.mark.parametrize("card", ["T4", "V100-SXM2-16GB", "P100-16GB"])
def test_a_stack_that_needs_ampere_is_refused(card: str) -> None:
    """A stack that needs sm_80 is refused on a T4, a V100 and a P100, with a sentence that names both figures."""
    said = refusals(POLICIES, offer(NEEDS_AMPERE, REPO.gpus[card]))
    capability = REPO.gpus[card].compute_capability or ""
    expected = (
        f"needs-ampere needs compute capability 8, {card} has {float(capability):g} (policy stack-compute-capability)"
    )
    assert expected in said
    assert (
        objection(ROOT, NEEDS_AMPERE, REPO.gpus[card])
        == f"needs-ampere needs compute capability 8.0, {card} has {capability}"
    )


def test_flash_attention_in_a_stack_is_refused_on_a_t4() -> None:
    """FlashAttention 2 among the pins rules a stack out below Ampere, whatever minimum the stack states."""
    said = refusals(POLICIES, offer(WITH_FLASH, REPO.gpus["T4"]))
    assert said == ["FlashAttention 2 needs compute capability 8, T4 has 7.5 (policy flash-attention-needs-ampere)"]
    assert refusals(POLICIES, offer(WITH_FLASH, REPO.gpus["RTX-4090"])) == []


@pytest.mark.parametrize(
    ("where", "stack", "ruled_out"),
    [
        ({"gpu": "T4"}, "trl", None),
        ({"gpu": "V100-SXM2-16GB"}, "trl-volta", "trl needs compute capability 7.5, V100-SXM2-16GB has 7.0"),
        ({"gpu": "P100-16GB"}, "trl-pascal", "trl-volta needs compute capability 7.0, P100-16GB has 6.0"),
        ({"platform": "kaggle", "plan": "p100"}, "trl-pascal", None),
        ({"gpu": "B200-180GB"}, "trl", None),
    ],
)
def test_recommend_picks_another_stack_and_says_why(where: dict[str, str], stack: str, ruled_out: str | None) -> None:
    """Where the newest stack has no kernels, an answer brings an older build, and says what was ruled out."""
    request = {"model": "Qwen/Qwen2.5-0.5B-Instruct", "task": "chat", "adapter": "lora", **where}
    answer = recommend(REPO, RecommendRequest.model_validate(request))
    assert answer.dependencies is not None and answer.dependencies.stack == stack
    rules = [reason.rule for reason in answer.reasons if reason.field == "dependencies"]
    assert bool(rules) is (ruled_out is not None)
    assert ruled_out is None or ruled_out in rules[0]


def test_recommend_refuses_a_stack_where_none_runs() -> None:
    """An AMD card gets no CUDA stack, and a warning that says why."""
    request = {"model": "Qwen/Qwen2.5-0.5B-Instruct", "task": "chat", "adapter": "lora", "gpu": "MI300X"}
    answer = recommend(REPO, RecommendRequest.model_validate(request))
    assert answer.dependencies is None
    assert any(
        "no dependency stack was chosen: trl needs compute capability 7.5, MI300X has none" in w
        for w in answer.warnings
    )


def test_validate_finds_a_plan_with_a_stack_too_new(repo_copy: Path) -> None:
    """A plan that puts a CUDA 13 stack on an image whose driver runs 12.8 is a fault, with file, line and field."""
    path = repo_copy / "profiles/platforms/colab.yaml"
    path.write_text(path.read_text().replace("stack: trl-colab-2026-08", "stack: trl", 1))
    faults = list(offer_faults(open_repo(repo_copy)))
    assert [(fault.path, fault.field) for fault in faults] == [
        ("profiles/platforms/colab.yaml", "plans.free.cards.0.gpu")
    ]
    assert faults[0].line > 1
    assert (
        "built for CUDA 13, the driver of colab/free is known to run 12.8 (policy torch-cuda-build)"
        in faults[0].message
    )


def test_cuda_of_a_stack_is_that_of_its_lock() -> None:
    """Where the lock holds torch, the CUDA version in the stack is the one whose runtime the lock holds."""
    found = {}
    for stack in REPO.stacks:
        text = (ROOT / lock_path(stack.id)).read_text()
        runtime = re.search(r"^nvidia-cuda-runtime(?:-cu\d+)?==(\d+\.\d+)", text, re.MULTILINE)
        if runtime:
            found[stack.id] = (float(runtime[1]), stack_cuda(stack))
    assert len(found) >= 5
    assert {id: pair for id, pair in found.items() if pair[0] != pair[1]} == {}
