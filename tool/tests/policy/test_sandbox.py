"""Policies that nobody has reviewed: they cannot eat the machine that judges them."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from tool.errors import InputFaults
from tool.policy.files import read_policies
from tool.policy.sandbox import PolicyExhausted, run_tests_in_child
from tool.tests.attacks.catalogue import BOMB, BOMB_TESTS
from tool.tests.govern.workbench import ROOT

JUDGE_A_BOMB = """
import resource
from tool.policy.sandbox import PolicyExhausted, run_tests_in_child
from tool.tests.attacks.catalogue import BOMB, BOMB_TESTS
files = {"policies/gates/bomb.yaml": BOMB.encode(), "policies/gates/tests/bomb.yaml": BOMB_TESTS.encode()}
try:
    run_tests_in_child(files)
except PolicyExhausted as error:
    print(error)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def test_the_child_says_what_the_tests_say() -> None:
    """In the child the repository's rules come out as they do here."""
    run = run_tests_in_child(read_policies(ROOT), seconds=30)
    assert run.failures == []
    assert run.uncovered == ()


def test_a_memory_bomb_ends_in_a_clear_error() -> None:
    """A rule that doubles a text ends within 512 MiB, and the error names it.

    Measured from a process of its own: the peak is that of the largest child, and a test process has others.
    """
    judged = subprocess.run([sys.executable, "-c", JUDGE_A_BOMB], cwd=ROOT, capture_output=True, text=True, timeout=60)
    message, peak_kib = judged.stdout.splitlines()
    assert "policy bomb: an expression wants more than 512 MiB" in message
    assert 0 < int(peak_kib) < 512 << 10


def test_a_time_bomb_ends_too() -> None:
    """A rule that loops in loops ends at CEL's bound of iterations: an error, never a pass."""
    numbers = f"[{', '.join(str(i) for i in range(300))}]"
    loops = "".join(f"{numbers}.all({name}, " for name in "vwxyz") + "true" + ")" * 5
    bomb = BOMB.replace(BOMB.split("expression: ")[1].split("\n")[0], f'"{loops}"')
    files = {"policies/gates/bomb.yaml": bomb.encode(), "policies/gates/tests/bomb.yaml": BOMB_TESTS.encode()}
    assert [result.got for result in run_tests_in_child(files, seconds=30).failures] == ["error"]


def test_the_bound_of_time_holds() -> None:
    """A child that does not answer in time is ended, and the error says so."""
    start = time.monotonic()
    with pytest.raises(PolicyExhausted, match=r"0\.05 s"):
        run_tests_in_child(read_policies(ROOT), seconds=0.05)
    assert time.monotonic() - start < 60


def test_faults_come_back_from_the_child() -> None:
    """A policy that does not compile is told with its file and field."""
    files = {"policies/gates/bomb.yaml": BOMB.replace("params.seed +", "params.sede +", 1).encode()}
    with pytest.raises(InputFaults, match=r"policies/gates/bomb\.yaml:9: validations\.0\.expression: does not compile"):
        run_tests_in_child(files)
