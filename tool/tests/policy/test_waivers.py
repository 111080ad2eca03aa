"""Waivers: for one soft gate and one report, in force until a moment that one function decides."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tool.errors import InputFaults
from tool.policy.files import read_policies
from tool.policy.policies import Policies, load_policies
from tool.policy.waivers import covers, days_left, judge_waivers, load_waivers
from tool.schema.state import parse_time
from tool.schema.waiver import Waiver
from tool.tests.govern.test_machine import YARD
from tool.tests.govern.workbench import ROOT

GRANTED = "2026-11-01T00:00:00Z"
NOW = parse_time("2026-11-10T00:00:00Z")
DIGEST = "a" * 64


def waiver(**fields: Any) -> Waiver:
    data = {
        "id": "w",
        "gate": "ece",
        "reason": "one card that we retire",
        "approver": "maria",
        "issue": "#1",
        "evidence_digest": DIGEST,
        "granted": GRANTED,
        "expires": "2026-11-20T00:00:00Z",
    }
    return Waiver.model_validate(data | fields)


def policies() -> Policies:
    return YARD.policies


def test_a_sound_waiver_is_valid_and_covers_its_gate() -> None:
    """It excuses the gate, by policy or by rule, for its own report."""
    judged = judge_waivers([waiver()], policies(), NOW)[0]
    assert judged.valid
    assert judged.days_left == 10
    assert covers(waiver(), "ece/ece", DIGEST, NOW)
    assert covers(waiver(gate="ece/ece"), "ece/ece", DIGEST, NOW)


def test_it_covers_nothing_else() -> None:
    """Not another gate, not another report, and nothing once it has ended, to the second."""
    assert not covers(waiver(), "oom/none", DIGEST, NOW)
    assert not covers(waiver(gate="ece/other"), "ece/ece", DIGEST, NOW)
    assert not covers(waiver(), "ece/ece", "b" * 64, NOW)
    end = parse_time("2026-11-20T00:00:00Z")
    assert covers(waiver(), "ece/ece", DIGEST, end - timedelta(seconds=1))
    assert not covers(waiver(), "ece/ece", DIGEST, end)
    assert days_left(waiver(), end) == 0


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"gate": "nope"}, "there is no gate nope"),
        ({"gate": "ece/nope"}, "there is no gate ece/nope"),
        ({"gate": "soak-time"}, "is a hard gate"),
        ({"expires": "2027-11-01T00:00:00Z"}, "granted for 365 days"),
        ({"expires": "2026-11-09T00:00:00Z"}, "expired 1.0 days ago"),
        ({"expires": "2026-10-01T00:00:00Z"}, "granted for -31 days"),
        ({"granted": "2026-11-15T00:00:00Z"}, "in the future"),
        ({"approver": "merge[bot]"}, "a machine approved"),
    ],
)
def test_unsound_waivers_are_refused(fields: dict[str, str], told: str) -> None:
    """Each flaw is named."""
    judged = judge_waivers([waiver(**fields)], policies(), NOW)[0]
    assert not judged.valid
    assert any(told in outcome.message for outcome in judged.outcomes)


def test_without_rules_no_waiver_is_valid() -> None:
    """Silence is no consent: where no rule judges waivers, none counts as valid."""
    rest = {path: data for path, data in read_policies(ROOT).items() if not path.endswith("lifecycle/waivers.yaml")}
    assert not judge_waivers([waiver()], load_policies(rest), NOW)[0].valid


def test_a_waiver_file_with_faults() -> None:
    """Every missing field is named; an expiry is mandatory."""
    with pytest.raises(InputFaults) as caught:
        load_waivers({"policies/waivers/w.yaml": b"gate: ece\nreason: because it is so\n"})
    for field in ("approver", "issue", "evidence_digest", "granted", "expires"):
        assert f"{field}: is missing" in str(caught.value)
