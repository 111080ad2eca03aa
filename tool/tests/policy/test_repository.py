"""The rules of this repository: they load, pass their own tests, and cannot be dropped unnoticed."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tool.policy.digests import policy_digest
from tool.policy.files import read_policies
from tool.policy.fixtures import load_tests, run_tests
from tool.policy.policies import Policies, load_policies
from tool.policy.reference import reference_page
from tool.policy.safety import bounds_for, read_bounds

Ftc = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def files(root: Path) -> dict[str, bytes]:
    return read_policies(root)


@pytest.fixture(scope="module")
def policies(files: dict[str, bytes]) -> Policies:
    return load_policies(files)


def test_every_rule_is_tested(files: dict[str, bytes], policies: Policies) -> None:
    """All rules compile, all their cases come out, and each rule is shown to pass and to fail."""
    assert policies.check() == []
    result = run_tests(policies, load_tests(files))
    assert result.failures == []
    assert result.uncovered == ()
    assert len(result.results) > 150


def test_deleting_any_policy_is_noticed(files: dict[str, bytes], policies: Policies) -> None:
    """Whichever policy file is deleted, a test is left that asks for it."""
    for policy in policies.all():
        rest = {
            path: data
            for path, data in files.items()
            if path != f"policies/{policies.area(policy.id)}/{policy.id}.yaml"
        }
        tests = [test for test in load_tests(rest) if test.policy == policy.id]
        assert tests, f"{policy.id} has no tests"
        assert run_tests(load_policies(rest), tests).failures


def test_every_parameter_is_used(policies: Policies) -> None:
    """A parameter that nothing reads would only pretend to rule: expressions do, or the program named here."""
    read_by_the_program = {"intake", "canary-health"}  # tool.telemetry and tool.rollout take their bounds from there
    for policy in policies.all():
        texts = [condition.expression for condition in policy.match.conditions]
        texts += [f"{v.expression} {v.message_expression or ''}" for v in policy.validations]
        unused = [key for key in policy.params if key != "field" and f"params.{key}" not in " ".join(texts)]
        assert unused == [] or policy.id in read_by_the_program, policy.id


def test_the_reference_page_names_every_rule(policies: Policies) -> None:
    """The page for people holds each rule with its remedy."""
    page = reference_page(policies)
    for policy in policies.all():
        assert f"### {policy.id}" in page
        assert all(validation.remedy in page for validation in policy.validations)


def test_the_digest_follows_the_rules_not_their_tests(files: dict[str, bytes]) -> None:
    """Changing a threshold changes the digest, changing a test does not."""
    path, test = "policies/rollout/soak-time.yaml", "policies/rollout/tests/soak-time.yaml"
    assert policy_digest({**files, path: files[path] + b"\n"}) != policy_digest(files)
    assert policy_digest({**files, test: b""}) == policy_digest(files)


@pytest.mark.parametrize(
    ("objective", "adapter", "low", "high"),
    [
        ("sft", "lora", 1e-6, 2e-3),
        ("sft", "full", 1e-7, 5e-4),
        ("dpo", "full", 5e-8, 2e-5),
        ("grpo", "qlora", 5e-7, 1e-4),
    ],
)
def test_learning_rate_bounds(root: Path, objective: str, adapter: str, low: float, high: float) -> None:
    """The recommender gets the bounds of the kind of run as plain numbers."""
    found = bounds_for(root, task_type=None, objective=objective, adapter=adapter)
    assert found["learning_rate"][:2] == (low, high)
    assert ("lora_r" in found) == (adapter != "full")


def test_the_tightest_bound_counts(root: Path) -> None:
    """On a small card the cap of the batch is the lower one, and names its policy."""
    found = bounds_for(root, task_type=None, objective="sft", adapter="lora", gpu_class="entry")
    assert found["effective_batch_size"] == (1.0, 256.0, "effective-batch-entry")
    assert bounds_for(root, task_type=None, objective="sft", adapter="lora")["effective_batch_size"][1] == 2048


def test_bounds_and_rules_agree(root: Path, policies: Policies) -> None:
    """Each bound is a policy whose own rule judges the same numbers."""
    for bound in read_bounds(root):
        params = policies[bound.policy].params
        assert (float(params["low"]), float(params["high"])) == (bound.low, bound.high)
        assert policies[bound.policy].match.kind == "recommendation"


def test_bounds_are_quick(root: Path) -> None:
    """Reading all bounds takes at most 50 ms of processor time, and no CEL."""
    read_bounds.cache_clear()
    start = time.process_time()
    bounds_for(root, task_type=None, objective="sft", adapter="lora")
    assert time.process_time() - start < 1  # a guard, no benchmark


def test_policy_test_command(root: Path, ftc: Ftc, tmp_path: Path) -> None:
    """`ftc policy test` passes here, and ends with 3 where there is nothing to test."""
    code, out, _ = ftc("policy", "test", "--root", str(root))
    assert code == 0
    assert ": 0 failed" in out
    code, _, error = ftc("policy", "test", "--root", str(tmp_path))
    assert code == 3
    assert "no policy test" in error


def test_policy_list_command(root: Path, ftc: Ftc) -> None:
    """`ftc policy list` names every rule in each format."""
    for output in ("text", "json", "markdown"):
        code, out, _ = ftc("policy", "list", "--root", str(root), "--output", output)
        assert code == 0
        assert "soak-time" in out
