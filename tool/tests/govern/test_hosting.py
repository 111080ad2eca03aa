"""The hosting side: CODEOWNERS follows from data, the ruleset holds what governance needs, and the doctor sees both."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tool.govern.hosting import CODEOWNERS, RULESET, codeowners, read_owners, ruleset_problems

Ftc = Callable[..., tuple[int, str, str]]


@pytest.fixture
def ruleset(root: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((root / RULESET).read_text())
    return loaded


@pytest.fixture
def house(root: Path, tmp_path: Path) -> Path:
    """The files that the doctor looks at, free to be edited."""
    shutil.copytree(root / ".github", tmp_path / ".github")
    (tmp_path / "policies").mkdir()
    shutil.copy(root / "policies/owners.yaml", tmp_path / "policies/owners.yaml")
    return tmp_path


def test_codeowners_is_current(root: Path) -> None:
    """The file equals what follows from policies/owners.yaml."""
    assert (root / CODEOWNERS).read_bytes() == codeowners(read_owners(root))


def test_what_decides_has_its_own_owners(root: Path) -> None:
    """Rules, workflows and state each have owners beyond those of everything."""
    owners = {owner.path: owner.teams for owner in read_owners(root).owners}
    assert {"*", "/policies/", "/.github/", "/tool/", "/evaluation/", "/registry/engines/"} <= set(owners)
    assert owners["/policies/"] != owners["/registry/engines/"]


def test_the_ruleset_is_sound(ruleset: dict[str, Any]) -> None:
    """Nothing that governance relies on is left open."""
    assert list(ruleset_problems(ruleset)) == []


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (lambda r: r.update(enforcement="disabled"), "is not active"),
        (lambda r: r.update(bypass_actors=[{"actor_id": 1}]), "bypass"),
        (lambda r: r["conditions"]["ref_name"].update(include=[]), "default branch"),
        (lambda r: r["rules"].pop(0), "lacks the rule deletion"),
        (lambda r: r["rules"].pop(1), "lacks the rule non_fast_forward"),
        (lambda r: r["rules"][3]["parameters"].update(require_last_push_approval=False), "require_last_push_approval"),
        (lambda r: r["rules"][3]["parameters"].update(dismiss_stale_reviews_on_push=False), "dismiss_stale_reviews"),
        (lambda r: r["rules"][3]["parameters"].update(require_code_owner_review=False), "require_code_owner_review"),
        (lambda r: r["rules"][3]["parameters"].update(required_approving_review_count=0), "requires no approval"),
        (lambda r: r["rules"][4]["parameters"].update(strict_required_status_checks_policy=False), "up to date"),
        (lambda r: r["rules"][4]["parameters"].update(required_status_checks=[]), "requires no status check"),
        (lambda r: r["rules"][4]["parameters"]["required_status_checks"][0].pop("integration_id"), "any app"),
    ],
)
def test_each_setting_of_the_ruleset_is_missed(
    ruleset: dict[str, Any], edit: Callable[[dict[str, Any]], Any], told: str
) -> None:
    """Taking any one setting away is told."""
    edit(ruleset)
    assert any(told in problem for problem in ruleset_problems(ruleset))


def test_the_doctor_finds_the_checkout_sound(house: Path, ftc: Ftc) -> None:
    """Nothing to do here; what cannot be seen from a checkout is named with the command that shows it."""
    code, out, _ = ftc("doctor", "--root", house)
    assert code == 0
    assert "to do" not in out
    assert "gh api repos/OWNER/REPO/rulesets/ID" in out


def test_the_doctor_mends_codeowners(house: Path, ftc: Ftc) -> None:
    """An edited CODEOWNERS is found, and written anew on request."""
    (house / CODEOWNERS).write_text("* @me\n")
    code, out, _ = ftc("doctor", "--root", house)
    assert code == 1
    assert "codeowners" in out
    assert ftc("doctor", "--root", house, "--write")[0] == 0


def test_the_doctor_compares_what_is_in_force(house: Path, ftc: Ftc, ruleset: dict[str, Any]) -> None:
    """The exported ruleset passes when it is ours, and each weakness is told when it is not."""
    live = house / "live.json"
    live.write_text(json.dumps(ruleset))
    assert ftc("doctor", "--root", house, "--live", live)[0] == 0
    ruleset["rules"][4]["parameters"]["required_status_checks"].pop()
    live.write_text(json.dumps(ruleset))
    code, out, _ = ftc("doctor", "--root", house, "--live", live)
    assert code == 1
    assert "does not require gates-passed" in out


def test_the_doctor_warns_of_a_writing_token(house: Path, ftc: Ftc) -> None:
    """A workflow on pull_request_target, and a required check that no job reports, are found."""
    gates = house / ".github/workflows/gates.yml"
    text = gates.read_text()
    gates.write_text(text.replace("  pull_request:", "  pull_request_target:"))
    assert "pull_request_target" in ftc("doctor", "--root", house)[1]
    gates.write_text(text.replace("name: gates-passed", "name: passed"))
    code, out, _ = ftc("doctor", "--root", house)
    assert code == 1
    assert "no workflow has a job named gates-passed" in out
