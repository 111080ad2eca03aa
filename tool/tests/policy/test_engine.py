"""The policy engine: typed variables, missing data, errors, and tests of policies by their own fixtures."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest

from tool.errors import InputFaults
from tool.policy.fixtures import load_tests, run_tests
from tool.policy.policies import Outcome, load_policies, worst

NOW = datetime(2026, 11, 24, tzinfo=UTC)
PATH = "policies/gates/rule.yaml"


def policy(expression: str, params: str = "limit: 0.1", kind: str = "evaluation", extra: str = "") -> bytes:
    """A policy with one rule."""
    return f"""\
purpose: A rule.
match:
  kind: {kind}
{extra}params:
  {params}
level: hard
validations:
  - id: holds
    expression: {expression!r}
    message: it does not hold
    message_expression: "'ece is %s'.format([string(report.ece)])"
    remedy: mend it
""".encode()


def judge(expression: str, data: dict[str, Any], params: str = "limit: 0.1", extra: str = "") -> list[Outcome]:
    return load_policies({PATH: policy(expression, params, extra=extra)}).judge("evaluation", data, NOW)


def faults(content: bytes) -> str:
    """Every fault of a policy file, as the user sees them."""
    try:
        found = load_policies({PATH: content}).check()
    except InputFaults as error:
        return str(error)
    return "\n".join(str(fault) for fault in found)


def test_passes_and_fails_by_value() -> None:
    """True passes; false fails with the message that the rule computes."""
    assert judge("report.ece <= params.limit", {"report": {"ece": 0.05}})[0].status == "pass"
    failed = judge("report.ece <= params.limit", {"report": {"ece": 0.5}})[0]
    assert (failed.status, failed.message, failed.remedy) == ("fail", "ece is 0.5", "mend it")


@pytest.mark.parametrize("report", [{}, {"ece": None}, {"ece": math.nan}, {"ece": math.inf}])
def test_missing_never_passes(report: dict[str, Any]) -> None:
    """Absent, null, NaN and infinite values are missing, also where the comparison would come out true."""
    for expression in ("report.ece <= params.limit", "report.ece != 0.5", "!(report.ece > params.limit)"):
        outcome = judge(expression, {"report": report})[0]
        assert outcome.status == "inconclusive"
        assert "report.ece missing" in outcome.message


def test_a_missing_variable_is_missing() -> None:
    """A whole variable that is not there is missing, as the production report of a first engine."""
    assert judge("report.ece <= production.ece", {"report": {"ece": 0.1}})[0].status == "inconclusive"
    assert judge("!has(production.ece) || report.ece <= production.ece", {"report": {"ece": 0.1}})[0].status == "pass"


def test_a_missing_category_is_missing() -> None:
    """A key that a map lacks is missing, not false."""
    data = {"report": {"categories": {"chat": {"n": 3}}}}
    assert judge("report.categories['code'].n > 0", data)[0].status == "inconclusive"
    assert judge("report.categories['chat'].n > 0", data)[0].status == "pass"
    assert judge("report.categories['chat'].false_safe == 0", data)[0].status == "fail"


def test_errors_are_errors() -> None:
    """An expression that fails while it runs is an error, never false and never a pass."""
    assert judge("1 / report.cases == 1", {"report": {"cases": 0}})[0].status == "error"
    assert not judge("1 / report.cases == 1", {"report": {"cases": 0}})[0].passed
    assert worst(["pass", "error", "fail"]) == "error"
    assert worst([]) == "skip"


def test_on_missing_may_fail() -> None:
    """`on_missing: fail` makes missing data fail."""
    content = policy("report.ece <= 0.1").replace(b"level: hard", b"level: hard\non_missing: fail")
    assert load_policies({PATH: content}).judge("evaluation", {"report": {}}, NOW)[0].status == "fail"


def test_a_condition_that_does_not_hold_skips() -> None:
    """Skip is an outcome of its own that names the condition."""
    extra = "  conditions:\n    - name: many-cases\n      expression: report.cases > 10\n"
    outcome = judge("report.ece <= 0.1", {"report": {"cases": 3}}, extra=extra)[0]
    assert (outcome.status, outcome.validation) == ("skip", "")
    assert "many-cases" in outcome.message
    assert judge("report.ece <= 0.1", {"report": {}}, extra=extra)[0].status == "inconclusive"


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("report.eec <= params.limit", "undefined field 'eec'"),
        ("report.eec <= params.limit", "did you mean 'ece'?"),
        ("report.ece <= params.limitt", "did you mean 'limit'?"),
        ("repotr.ece <= 0.1", "undeclared reference to 'repotr"),
        ("report.cases <= params.limit", "no matching overload"),
        ("report.engine <= 3", "no matching overload"),
        ("report.ece", "where bool is needed"),
        ("report.ece <=", "does not compile"),
    ],
)
def test_mistakes_are_found_when_a_policy_is_loaded(expression: str, told: str) -> None:
    """A misspelt field, a mix of whole and broken numbers, a wrong type: at load, with line, field and mend."""
    found = faults(policy(expression))
    assert told in found
    assert f"{PATH}:9: validations.0.expression" in found


def test_params_are_typed_by_their_values() -> None:
    """Numbers, texts, lists and maps of one type each; a mixture is refused by name."""
    assert judge("params.steps.exists(s, s == 2.0)", {}, params="steps: [1, 2.0]")[0].status == "pass"
    assert judge("params.by_card['t4'] == 1", {}, params="by_card: {t4: 1}")[0].status == "pass"
    assert "params.mixed must be" in faults(policy("true", params="mixed: [1, a]"))
    assert "params.empty must be" in faults(policy("true", params="empty: []"))


def test_a_policy_file_with_faults_names_them_all() -> None:
    """Unknown keys, missing fields and wrong levels come together."""
    found = faults(b"purpose: x\nmatch: {kind: evaluatoin}\nlevle: hard\nvalidations: []\n")
    for told in ("unknown key 'levle'", "match.kind", "level: is missing", "validations"):
        assert told in found


def test_the_same_id_twice() -> None:
    """Two policies of one id, in different areas, are a fault."""
    content = policy("true")
    with pytest.raises(InputFaults, match="same id"):
        load_policies({PATH: content, "policies/safety/rule.yaml": content})


TESTS = b"""\
cases:
  - name: small
    input: {report: {ece: 0.05}}
    expect: pass
  - name: large
    input: {report: {ece: 0.5}}
    expect: fail
    reason: ece is 0.5
"""


def run(tests: bytes, content: bytes | None = None) -> Any:
    files = {PATH: content or policy("report.ece <= params.limit"), "policies/gates/tests/rule.yaml": tests}
    return run_tests(load_policies(files), load_tests(files))


def test_fixtures_pass_and_cover() -> None:
    """A rule with a case that passes and one that fails is covered."""
    result = run(TESTS)
    assert result.failures == []
    assert result.uncovered == ()


def test_fixtures_that_do_not_come_out_fail() -> None:
    """A wrong expectation, a wrong reason, an unknown rule, a misspelt input: each is told."""
    for old, new, told in (
        (b"ece: 0.05", b"ece: 0.7", "expected pass, got fail"),
        (b"ece is 0.5", b"brier", "expected the reason 'brier'"),
        (b"expect: fail", b"validation: nope\n    expect: fail", "no validation 'nope'"),
        (b"ece: 0.05", b"eec: 0.05", "no field named"),
        (b"{report:", b"{reprot:", "no such variable"),
    ):
        problems = [result.problem for result in run(TESTS.replace(old, new, 1)).failures]
        assert any(told in problem for problem in problems), (told, problems)


def test_every_rule_owes_a_pass_and_a_fail() -> None:
    """Without its failing case, the rule is not shown to catch anything."""
    only_pass = TESTS.split(b"  - name: large")[0]
    assert run(only_pass).uncovered == ("rule/holds: no case shows it to fail",)


def test_a_test_without_its_policy_fails() -> None:
    """Deleting a policy leaves its test behind, which then fails."""
    files = {"policies/gates/tests/gone.yaml": TESTS}
    result = run_tests(load_policies(files), load_tests(files))
    assert "policies/gates/gone.yaml is not there" in result.failures[0].problem
