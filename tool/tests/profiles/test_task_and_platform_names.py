"""Tasks, platforms and plans answer to what people write, and a typo is told with the nearest name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tool.errors import BadRequest
from tool.load import Repo, open_repo
from tool.load.name_keys import name_key
from tool.load.platform_names import find_plan, find_platform, resolve_platform
from tool.load.task_names import alias_faults, find_task, resolve_task
from tool.tests.conftest import ROOT

REPO = open_repo(ROOT)


def test_every_task_alias_resolves_to_its_task() -> None:
    """Ids and aliases lead to their task in any letter case, with spaces, dashes or underscores."""
    for task in REPO.tasks:
        for name in (task.id, *task.aliases):
            for written in (name, name.upper(), name.replace(" ", "_"), name.replace("_", " "), name.replace("-", " ")):
                found = resolve_task(REPO, written)
                assert found is not None, written
                assert found.id == task.id, written


@pytest.mark.parametrize(
    ("written", "task"),
    [
        ("language finetuning", "instruction_following"),
        ("language_finetuning", "instruction_following"),
        ("Text-Classification", "classification"),
        ("summarisation", "summarization"),
        ("QA", "question_answering"),
        ("coding", "code"),
        ("math", "reasoning"),
        ("RLHF", "preference"),
        ("pretraining", "continued_pretraining"),
        ("sft", "instruction_following"),
        ("dpo", "preference"),
        ("orpo", "preference"),
        ("kto", "preference"),
        ("simpo", "preference"),
        ("cpt", "continued_pretraining"),
        ("grpo", "reinforcement"),
    ],
)
def test_common_names_and_objectives_map_to_tasks(written: str, task: str) -> None:
    """The words that people use, and the name of every objective, mean the expected task."""
    found = resolve_task(REPO, written)
    assert found is not None
    assert found.id == task


def test_an_unknown_task_is_none_and_a_typo_is_told() -> None:
    """A foreign word is None; the strict reading names the nearest task."""
    assert resolve_task(REPO, "protein folding") is None
    assert resolve_task(REPO, "x" * 5000) is None
    assert resolve_platform(REPO, "x" * 5000) is None
    with pytest.raises(BadRequest, match="did you mean 'summarization'"):
        find_task(REPO, "sumarization")


def test_an_alias_of_two_tasks_is_a_fault(profiles_copy: Path) -> None:
    """A name that two tasks claim is reported with its line; the real tasks share none."""
    assert alias_faults(REPO) == []
    path = profiles_copy / "profiles/tasks/code.yaml"
    path.write_text(path.read_text().replace("aliases: [", "aliases: [Math, "))
    faults = alias_faults(Repo(profiles_copy))
    assert [fault.path for fault in faults] == ["profiles/tasks/reasoning.yaml"]
    assert "code" in faults[0].message
    assert faults[0].line > 0


def test_every_platform_and_plan_name_resolves_to_its_own() -> None:
    """Ids, titles and aliases of platforms and plans lead back to where they are declared."""
    for platform in REPO.platforms:
        for name in (platform.id, platform.title, *platform.aliases):
            found = resolve_platform(REPO, name.upper())
            assert found is not None, name
            assert found.id == platform.id, name
        for id, plan in platform.plans.items():
            for name in (id, *plan.aliases):
                assert find_plan(REPO, platform.id, name.upper())[1] == id, name


def test_no_plan_named_means_the_default_plan() -> None:
    """Without a plan a platform answers with its declared default."""
    for platform in REPO.platforms:
        assert find_plan(REPO, platform.id, None)[1] == platform.default_plan


def test_pro_plus_is_not_pro() -> None:
    """The plus sign tells two plans apart that otherwise read the same."""
    assert name_key("Pro+") != name_key("Pro")
    assert find_plan(REPO, "colab", "Pro+")[1] == "pro_plus"


def test_unknown_platforms_and_plans_are_told_with_the_nearest() -> None:
    """A wrong platform or plan is one clear error with a suggestion or the list of what is known."""
    with pytest.raises(BadRequest, match="did you mean 'colab'"):
        find_platform(REPO, "collab")
    with pytest.raises(BadRequest, match="did you mean 'pro'"):
        find_plan(REPO, "colab", "prro")
    with pytest.raises(BadRequest, match="known: free"):
        find_plan(REPO, "colab", "zzzzzz")
