"""Pull requests that must not get through, each in a real repository."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tool.govern.evidence import health_path
from tool.govern.store import event_path
from tool.policy.digests import canonical_json
from tool.tests.attacks.catalogue import ATTACKS, Attack, waiver
from tool.tests.govern.workbench import LATER, NEXT, Workbench

Bench = Callable[[str], Workbench]


def attempt(bench: Workbench, attack: Attack) -> None:
    """The legal change passes; with the edit it is blocked for the reason; with the edit reverted it passes again."""
    attack.legal(bench)
    before = bench.commit("A legal change")
    assert bench.verify() == (0, []), "the legal change must pass first"
    attack.edit(bench)
    after = bench.commit("The attack")
    assert bench.git("diff", "--name-only", before, after).strip(), "the edit took no effect"
    code, findings = bench.verify()
    told = [finding["message"] for finding in findings if finding["id"] == attack.finding]
    assert any(attack.reason in message for message in told), f"{attack.finding}: {attack.reason!r} not in {findings}"
    assert code == attack.code
    assert all(finding["remedy"] for finding in findings)
    bench.git("revert", "--no-edit", "HEAD")
    bench.git("clean", "-ffdxq")
    assert bench.verify() == (0, []), "the change must pass again without the edit"


@pytest.mark.parametrize("attack", [a for a in ATTACKS if a.fast], ids=lambda attack: attack.name.replace(" ", "-"))
def test_attack_is_blocked(attack: Attack, bench: Bench) -> None:
    """A representative part of the attacks: blocked for the right reason, legal without the attacked lines."""
    attempt(bench(attack.stage), attack)


@pytest.mark.prove
@pytest.mark.parametrize("attack", [a for a in ATTACKS if not a.fast], ids=lambda attack: attack.name.replace(" ", "-"))
def test_every_attack_is_blocked(attack: Attack, bench: Bench) -> None:
    """All other attacks: blocked for the right reason, legal without the attacked lines."""
    attempt(bench(attack.stage), attack)


def test_two_pull_requests_race(bench: Bench) -> None:
    """Both are prepared from one generation; once the first is merged, the second ends with 5."""
    second = bench("fresh")
    second.step("promote", NEXT, "--to", "staging")
    second.commit("The second")
    assert second.verify() == (0, [])
    second.git("switch", "-q", "-c", "first", "origin/main")
    second.step("promote", LATER, "--to", "staging")
    second.merge("The first")
    second.git("switch", "-q", "change")
    code, findings = second.verify()
    assert code == 5
    assert findings[0]["id"] == "stale-generation"
    assert "base is at generation 1" in findings[0]["message"]
    assert "prepare it again" in findings[0]["remedy"]
    second.git("reset", "-q", "--hard", "origin/main")
    second.step("promote", NEXT, "--to", "staging")
    second.commit("The second, prepared again")
    assert second.verify() == (0, [])


def test_a_generation_reused_after_an_update_of_the_branch(bench: Bench) -> None:
    """A branch that merges the base but keeps its own event in the place of the merged one rewrites the history."""
    second = bench("fresh")
    second.step("promote", NEXT, "--to", "staging")
    second.commit("The second")
    mine = second.read(event_path(1))
    second.git("switch", "-q", "-c", "first", "origin/main")
    second.step("promote", LATER, "--to", "staging")
    second.merge("The first")
    second.write(event_path(1), mine)
    second.commit("Mine instead")
    code, findings = second.verify()
    assert code == 1
    assert "history.rewritten" in {finding["id"] for finding in findings}


def test_rules_that_changed_since(bench: Bench) -> None:
    """A step judged by rules that the base has replaced since ends with 5: it must be prepared again."""
    change = bench("fresh")
    change.step("promote", NEXT, "--to", "staging")
    change.commit("A step")
    change.git("switch", "-q", "-c", "rules", "origin/main")
    change.replace("policies/lifecycle/waivers.yaml", "days_at_most: 30.0", "days_at_most: 20.0")
    change.merge("Shorten waivers")
    change.git("switch", "-q", "change")
    change.git("merge", "-q", "--no-edit", "origin/main")
    code, findings = change.verify()
    assert (code, [finding["id"] for finding in findings]) == (5, ["stale-policy"])


def test_a_forged_report(bench: Bench, tmp_path: Path) -> None:
    """A report that evaluating the engine again does not give is refused, however well it is made."""
    change = bench("fresh")
    change.step("promote", NEXT, "--to", "staging")
    change.commit("A step")
    honest = tmp_path / "report.json"
    honest.write_bytes(change.read(f"evaluation/reports/{NEXT}/evaluation.json"))
    arguments = ("verify", "--base", "origin/main", "--now", change.clock, "--recomputed", str(honest))
    assert change.ftc(*arguments).code == 0
    honest.write_bytes(honest.read_bytes().replace(b'"value": 0.05', b'"value": 0.5'))
    answer = change.ftc(*arguments)
    assert answer.code == 1
    assert "[evidence.forged]" in answer.err


@pytest.mark.parametrize(
    ("said", "given", "told"),
    [
        ({}, {"verdict": "inconclusive"}, "says verdict healthy, but the telemetry gives inconclusive"),
        ({}, {"verdict": "unhealthy"}, "says verdict healthy, but the telemetry gives unhealthy"),
        ({"runs_canary": 600}, {"runs_canary": 60}, "counts 600 runs_canary, but the telemetry holds 60"),
        ({"runs_production": 9000}, {}, "counts 9000 runs_production, but the telemetry holds 900"),
        ({}, {"policies_digest": "b" * 64}, "says policies_digest"),
    ],
    ids=["inconclusive", "unhealthy", "more canary runs", "more production runs", "other rules"],
)
def test_a_forged_verdict(
    bench: Bench, tmp_path: Path, said: dict[str, object], given: dict[str, object], told: str
) -> None:
    """A committed verdict that the telemetry does not give is refused, and what the telemetry gives is judged."""
    change = bench("canary")
    change.later(50)
    change.health(NEXT)
    path = health_path(NEXT, 3)
    honest = change.read(path)
    change.health(NEXT, **said)
    change.step("canary", "set", "0.05")
    change.commit("The next step")
    recomputed = tmp_path / "health.json"
    arguments = ("verify", "--base", "origin/main", "--now", change.clock, "--recomputed-health", str(recomputed))
    recomputed.write_bytes(canonical_json(json.loads(honest) | given))
    answer = change.ftc(*arguments)
    assert answer.code == 1
    assert f"[health.forged] {path}: {told}" in answer.err
    recomputed.write_bytes(canonical_json(json.loads(change.read(path)) | {"runs_production": 9900}))
    assert change.ftc(*arguments).code == 0, "more runs than were known then are no forgery"


def test_a_verdict_that_only_the_telemetry_knows(bench: Bench, tmp_path: Path) -> None:
    """A recomputed verdict replaces no report that is missing: what the change rests on is committed."""
    change = bench("canary")
    change.later(50)
    change.health(NEXT)
    change.step("canary", "set", "0.05")
    recomputed = tmp_path / "health.json"
    recomputed.write_bytes(change.read(health_path(NEXT, 3)))
    (change.root / health_path(NEXT, 3)).unlink()
    change.commit("The next step")
    arguments = ("verify", "--base", "origin/main", "--now", change.clock, "--recomputed-health", str(recomputed))
    assert change.ftc(*arguments).code == 4


def test_a_rollback_is_not_stopped_by_an_expired_waiver(bench: Bench) -> None:
    """Going back is always allowed; a step forward is stopped until the waiver is gone."""
    change = bench("released")
    expired = waiver(change, gate="calibration", evidence_digest="a" * 64, expires="2026-11-02T00:00:00Z")
    change.write("policies/waivers/old.yaml", expired)
    change.merge("A waiver that nobody deletes")
    change.step("rollback")
    change.commit("Back")
    assert change.verify() == (0, [])
    change.git("reset", "-q", "--hard", "origin/main")
    change.write("README.md", "words")
    assert change.verify()[1][0]["id"] == "waivers/not-expired"


def test_a_backdated_start_brings_no_soak_time(bench: Bench) -> None:
    """The soak time counts from the merge: a start that was dated back does not let the next step follow at once."""
    change = bench("staged")
    change.later(100)
    change.step("promote", NEXT, "--to", "canary")
    change.forge(at="2026-11-01T03:00:00Z")
    change.merge("A start that says it was earlier")
    change.later(1)
    change.health(NEXT)
    change.step("canary", "set", "0.05")
    change.commit("The next step at once")
    code, findings = change.verify()
    assert code == 1
    assert ("soak-time/soaked", "the canary has run 1.0 hours at this fraction") in {
        (finding["id"], finding["message"]) for finding in findings
    }
    change.git("reset", "-q", "--hard", "origin/main")
    change.later(24)
    change.health(NEXT)
    change.step("canary", "set", "0.05")
    change.commit("The next step in time")
    assert change.verify() == (0, [])


def test_the_catalogue_is_large_enough() -> None:
    """At least 36 attacks, every name once."""
    names = [attack.name for attack in ATTACKS]
    assert len(set(names)) == len(names) >= 36
