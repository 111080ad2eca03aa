"""The legal life of an engine, every step a pull request that passes, and what the commands say on the way."""

from __future__ import annotations

import pytest

from tool.govern.store import STATE, event_path
from tool.tests.govern.workbench import LATER, LIVE, NEXT, Workbench


def pull_request(bench: Workbench, *arguments: str) -> str:
    """Prepare a step on a branch, verify it as the workflow does, and merge it. What the command printed."""
    answer = bench.step(*arguments)
    bench.commit("A step")
    assert bench.verify() == (0, [])
    bench.merge("Merged")
    assert bench.verify() == (0, []), "an unchanged state replays and passes"
    return answer.out


def test_from_candidate_to_production_and_back(bench: Workbench) -> None:
    """candidate → staging → canary 1 % → 5 % → 20 % → production, then back to the version last live."""
    assert "Promote 2026.11.1 to staging" in pull_request(bench, "promote", NEXT, "--to", "staging")
    assert "at 1 %" in pull_request(bench, "promote", NEXT, "--to", "canary")
    for fraction in ("0.05", "0.2"):
        bench.later(50)
        bench.health(NEXT)
        pull_request(bench, "canary", "set", fraction)
    bench.later(50)
    bench.health(NEXT)
    printed = pull_request(bench, "promote", NEXT, "--to", "production")
    for trailer in (
        "Evidence-Digest: ",
        "Policy-Digest: ",
        "Expect-Generation: 4",
        "git push -u origin",
        "gh pr create",
    ):
        assert trailer in printed
    status = bench.ftc("status", "--now", bench.clock, "--output", "json").json
    assert status["production"]["version"] == NEXT
    assert status["engines"][LIVE]["stage"] == "deprecated"
    pull_request(bench, "rollback", "--reason", "runs go out of memory")
    history = bench.ftc("history", "--output", "json").json
    assert [row["move"] for row in history] == ["genesis", "stage", "start", "raise", "raise", "release", "rollback"]
    assert history[-1]["production"] == LIVE
    assert history[-1]["reason"] == "runs go out of memory"
    for output in ("text", "markdown"):
        assert "runs go out of memory" in bench.ftc("history", "--output", output).out


def test_a_canary_that_fails_is_aborted(bench: Workbench) -> None:
    """A rollback while a canary runs sends it back to staging; production stays; the next canary has another salt."""
    pull_request(bench, "promote", NEXT, "--to", "staging")
    pull_request(bench, "promote", NEXT, "--to", "canary")
    assert b"salt: s1" in bench.read(STATE)
    pull_request(bench, "canary", "set", "0.005")
    pull_request(bench, "rollback")
    assert b"2026.11.1: staging" in bench.read(STATE)
    pull_request(bench, "promote", NEXT, "--to", "canary")
    assert b"salt: s2" in bench.read(STATE)


def test_rejecting_and_holding(bench: Workbench) -> None:
    """A rejected engine goes nowhere; a held one waits for its release."""
    pull_request(bench, "promote", LATER, "--to", "rejected", "--reason", "its report is bad")
    refused = bench.step("promote", LATER, "--to", "staging", expect=1)
    assert "[legal-transitions/legal]" in refused.err
    pull_request(bench, "hold", NEXT)
    refused = bench.step("promote", NEXT, "--to", "staging", expect=1)
    assert f"{NEXT} is on hold" in refused.err
    pull_request(bench, "hold", NEXT, "--release")
    pull_request(bench, "promote", NEXT, "--to", "staging")


def test_a_held_production_is_not_replaced_and_held_versions_are_passed_over(bench: Workbench) -> None:
    """Holding the version last live means that a rollback has nowhere to go."""
    pull_request(bench, "hold")
    assert f"holds:\n  - {LIVE}".encode() in bench.read(STATE)
    answer = bench.step("rollback", expect=2)
    assert "no version was live before" in answer.err


def test_dry_run_writes_nothing(bench: Workbench) -> None:
    """Without --write, the step is shown and the tree stays as it is."""
    answer = bench.ftc("promote", NEXT, "--to", "staging", "--now", bench.clock, "--actor", "maria")
    assert answer.code == 0
    assert "would write registry/engines/events/0001.yaml" in answer.out
    assert "Nothing was written" in answer.out
    assert bench.git("status", "--porcelain") == ""


def test_a_step_is_the_same_to_the_byte(bench: Workbench) -> None:
    """The same request at the same time gives the same bytes."""
    bench.step("promote", NEXT, "--to", "staging")
    first = bench.read(STATE), bench.read(event_path(1))
    bench.git("clean", "-fdq")
    bench.git("checkout", "-q", ".")
    bench.step("promote", NEXT, "--to", "staging")
    assert (bench.read(STATE), bench.read(event_path(1))) == first


def test_status_says_what_blocks(bench: Workbench) -> None:
    """The next step of each engine, with the command and the reasons against it."""
    bench.step("promote", NEXT, "--to", "staging")
    bench.merge("Staged")
    bench.step("promote", NEXT, "--to", "canary")
    bench.merge("Started")
    shown = bench.ftc("status", "--now", bench.clock).out
    assert f"production  {LIVE} since 2026-11-01T00:00:00Z" in shown
    assert f"canary      {NEXT} at 1 % since" in shown
    assert "ftc canary set 0.05 --write" in shown
    assert "blocked: [soak-time/soaked]" in shown
    assert "blocked: [canary-health] 6 checks lack data: health" in shown


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("promote", "9.9.9", "--to", "staging"), 1, "there is no engine 9.9.9"),
        (("promote", NEXT), 2, "no stage is named"),
        (("promote", NEXT, "--to", "production"), 1, "candidate → production is not a legal step"),
        (("promote", NEXT, "--to", "deprecated"), 1, "there is no such step"),
        (("promote", NEXT, "--to", "staging", "--evidence", "f" * 64), 1, "no report under evaluation/reports"),
        (("promote", NEXT, "--genesis"), 2, "there is a history already"),
        (("canary", "set", "0.05"), 2, "no canary runs"),
        (("promote", NEXT, "--to", "canary", "--fraction", "1.5"), 2, "less than 1"),
        (("promote", NEXT, "--to", "staging", "--reason", "x" * 3000), 2, "at most 2000 characters"),
        (("canary", "set", "1.5"), 2, "no share of keys below 1"),
        (("rollback",), 2, "no version was live before the present one"),
        (("hold", "9.9.9"), 1, "there is no engine 9.9.9"),
        (("promote", NEXT, "--to", "staging", "--now", "yesterday"), 2, "write it as 2026-11-20T00:00:00Z"),
        (("verify", "--base", "nowhere"), 2, "there is no commit 'nowhere'"),
    ],
)
def test_bad_requests(bench: Workbench, arguments: tuple[str, ...], code: int, told: str) -> None:
    """One clear message and the right exit code; nothing is written."""
    answer = bench.ftc(*arguments, *(() if arguments[0] == "verify" else ("--actor", "maria")))
    assert (answer.code, "Traceback" in answer.err) == (code, False)
    assert told in answer.err
    assert bench.git("status", "--porcelain") == ""


@pytest.mark.parametrize("command", [("status",), ("history",), ("promote", NEXT, "--to", "staging"), ("rollback",)])
def test_unreadable_state_is_an_error(bench: Workbench, command: tuple[str, ...]) -> None:
    """No command takes unreadable state for an empty one."""
    bench.write(STATE, "generation: [\n")
    answer = bench.ftc(*command, *(("--actor", "maria") if command[0] in ("promote", "rollback") else ()))
    assert answer.code == 2
    assert "state.unreadable" in answer.err
