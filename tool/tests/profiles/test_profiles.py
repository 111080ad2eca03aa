"""The profiles that are checked in: complete, consistent, sourced, and safe to build on."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

import pytest

from tool.load import Records, Repo, open_repo
from tool.load.profile_faults import capability, profile_faults, stack_runs_on
from tool.schema.base import Source
from tool.tests.conftest import ROOT

REPO = open_repo(ROOT)
PLACE = ("repo", "url", "page", "package", "measurement")
EXACT = re.compile(r"^\d+(\.\d+)*([a-z]+\d+|\.post\d+)?(\+[a-z0-9]+)?$")


@pytest.mark.parametrize(
    ("records", "least"),
    [(REPO.gpus, 50), (REPO.platforms, 12), (REPO.tasks, 10), (REPO.stacks, 11)],
    ids=["gpus", "platforms", "tasks", "stacks"],
)
def test_all_profiles_load(records: Records[Repo], least: int) -> None:
    """Every file is valid, and nothing of what was there is lost."""
    assert records.load_all() == []
    assert len(records) >= least


def test_profiles_agree_with_each_other() -> None:
    """No shared names, no stack on a card that it has no kernels for, no day before its beginning."""
    assert profile_faults(REPO) == []


def test_references_exist() -> None:
    """Every card and stack that a plan names, and every default plan, is there."""
    for platform in REPO.platforms:
        assert platform.default_plan in platform.plans
        for plan in platform.plans.values():
            assert plan.stack in REPO.stacks
            assert all(offer.gpu in REPO.gpus for offer in plan.cards)


def test_usable_memory_is_below_nominal_and_seen_where_a_run_was_published() -> None:
    """Usable memory is 85 to 100 % of nominal, never above any torch figure seen, and says how it was found."""
    for card in REPO.gpus:
        assert 0.85 * card.nominal_gb < card.usable_gib <= card.nominal_gb, card.id
        seen = [look.gib for look in card.memory_observations if look.kind == "torch_total"]
        if seen:
            assert card.usable_gib == min(seen), card.id
        else:
            assert card.usable_basis.startswith("derived: "), card.id


def test_bf16_and_flash_attention_need_ampere() -> None:
    """NVIDIA cards below compute capability 8.0 have neither bf16 nor FlashAttention-2; those from there have bf16."""
    for card in REPO.gpus:
        level = capability(card.compute_capability)
        if level is None:
            assert card.vendor == "amd"
            continue
        assert card.bf16 == (level >= (8, 0)), card.id
        assert not card.flash_attention_2 or level >= (8, 0), card.id
        assert card.bitsandbytes_int8 == (level >= (7, 5)), card.id


def all_sources() -> list[tuple[str, Source]]:
    """Every source of cards, observations, plans, tasks, stacks and clashes, with whom it belongs to."""
    found = [(card.id, source) for card in REPO.gpus for source in card.sources]
    found += [(card.id, look.source) for card in REPO.gpus for look in card.memory_observations]
    found += [
        (f"{platform.id}/{id}", source)
        for platform in REPO.platforms
        for id, plan in platform.plans.items()
        for source in plan.sources
    ]
    found += [(task.id, source) for task in REPO.tasks for source in task.sources]
    found += [(stack.id, source) for stack in REPO.stacks for source in stack.sources]
    found += [(clash.id, source) for stack in REPO.stacks for clash in stack.clashes for source in clash.sources]
    return found


def test_every_source_names_a_place_or_is_marked_recalled() -> None:
    """A fact has a place where it was read, or says that it is recalled and which fields rest on memory."""
    for owner, source in all_sources():
        placed = any(getattr(source, field) for field in PLACE)
        assert placed or (source.recalled and source.supports), owner
    for records in (REPO.gpus, REPO.tasks, REPO.stacks):
        for record in records:
            assert record.sources, record.id


def test_recalled_marks_name_fields_that_exist() -> None:
    """`supports` of a source names fields of its record, so that a mark cannot point at nothing."""
    for card in REPO.gpus:
        for source in card.sources:
            assert set(source.supports or ()) <= set(type(card).model_fields), card.id
    for task in REPO.tasks:
        for source in task.sources:
            assert set(source.supports or ()) <= set(type(task).model_fields), task.id


def test_plans_have_a_span_of_validity() -> None:
    """Each plan says when it was seen and until when that may be trusted: half a year, two years for instance types."""
    for platform in REPO.platforms:
        for id, plan in platform.plans.items():
            start, end = (datetime.date.fromisoformat(day) for day in (plan.as_of, plan.valid_until))
            assert (end - start).days in (180, 730), f"{platform.id}/{id}"


def test_colab_free_is_one_t4_and_kaggle_two() -> None:
    """The two places that most people start from offer what they are known for."""
    colab = REPO.platforms["colab"].plans["free"]
    assert [(offer.gpu, offer.count) for offer in colab.cards] == [("T4", 1)]
    kaggle = REPO.platforms["kaggle"].plans["t4x2"]
    assert [(offer.gpu, offer.count) for offer in kaggle.cards] == [("T4", 2)]


def test_pins_are_exact_and_stay_in_one_place() -> None:
    """A pin is one exact version; what the image provides is not pinned again, and image and stack agree on it."""
    for stack in REPO.stacks:
        assert all(EXACT.match(version) for version in stack.pins.values()), stack.id
        assert not set(stack.pins) & set(stack.from_image), stack.id
        assert set(stack.reasons) <= set(stack.pins), stack.id
    for platform in REPO.platforms:
        for id, plan in platform.plans.items():
            for package, version in REPO.stacks[plan.stack].from_image.items():
                assert plan.image.get(package, version) == version, f"{platform.id}/{id}"


def test_every_stack_resolves_on_three_pythons() -> None:
    """Every stack records a resolution for Python 3.11, 3.12 and 3.13."""
    for stack in REPO.stacks:
        assert {proof.python for proof in stack.resolved} == {"3.11", "3.12", "3.13"}, stack.id


def test_old_cards_get_a_stack_with_their_kernels() -> None:
    """P100 and V100 run on the CUDA 12.6 build, and no other stack is offered on them."""
    for platform in REPO.platforms:
        for id, plan in platform.plans.items():
            for offer in plan.cards:
                if (capability(REPO.gpus[offer.gpu].compute_capability) or (9, 0)) < (7, 5):
                    assert REPO.stacks[plan.stack].torch_backend == "cu126", f"{platform.id}/{id}"


@pytest.mark.parametrize(
    ("minimum", "card", "runs"),
    [("7.5", "T4", True), ("7.5", "V100-SXM2-16GB", False), ("8.0", "T4", False), ("6.0", "P100-16GB", True)],
)
def test_capabilities_compare_as_numbers(minimum: str, card: str, runs: bool) -> None:
    """A stack that needs a newer card is not offered on an older one; 10.0 is more than 9.0."""
    assert stack_runs_on(minimum, REPO.gpus[card]) is runs
    assert (capability("10.0") or (0, 0)) > (capability("9.0") or (0, 0))
    assert not stack_runs_on("7.5", REPO.gpus["MI300X"])


def test_tasks_are_the_ten_of_the_design() -> None:
    """The ten task types exist, and each allows its own default objective."""
    expected = "chat classification code continued_pretraining instruction_following preference question_answering"
    assert REPO.tasks.ids() == sorted([*expected.split(), "reasoning", "reinforcement", "summarization"])
    for task in REPO.tasks:
        assert task.objective in task.objectives


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("platforms/kaggle.yaml", "stack: trl-pascal", "stack: trl", "needs compute capability 7.5, P100-16GB has 6.0"),
        ("platforms/colab.yaml", "aliases: [colab pro]", "aliases: [pro+]", "also names plan"),
        ("platforms/colab.yaml", "valid_until: '2027-02-18'", "valid_until: '2020-01-01'", "lies before as_of"),
        ("platforms/colab.yaml", "{gpu: T4, count: 1}", "{gpu: T4, count: 1, usable_gib: 99}", "exceeds the 16 GB"),
        ("platforms/lambda.yaml", "lambda labs", "kaggle notebooks", "also names"),
        ("tasks/chat.yaml", "objectives: [sft, ", "objectives: [", "lacks the default objective 'sft'"),
        ("catalog.yaml", "kaggle/t4x2", "kaggle/t4x2/L4", "does not offer 'L4'"),
        ("catalog.yaml", "tasks: [preference]", "tasks: [preference]\n    objective: grpo", "has no objective 'grpo'"),
    ],
)
def test_a_contradiction_between_profiles_is_told(
    profiles_copy: Path, file: str, old: str, new: str, told: str
) -> None:
    """Each kind of contradiction becomes one fault with file, line and mend."""
    path = profiles_copy / "profiles" / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    faults = [fault for fault in profile_faults(Repo(profiles_copy)) if told in fault.message]
    assert faults
    assert all(fault.line > 0 and fault.mend for fault in faults)


@pytest.mark.parametrize("id", ["x" * 5000, "a\0b", "../gpus/T4", "", "a//b"])
def test_odd_ids_are_simply_unknown(id: str) -> None:
    """A text that is too long, holds a null byte or points elsewhere names no record, and raises nothing."""
    assert id not in REPO.gpus
    assert id not in REPO.models
