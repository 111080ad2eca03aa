"""Contract of `policies/<area>/<id>.yaml`: CEL rules in the shape of Kubernetes' ValidatingAdmissionPolicy."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from tool.schema.base import Record
from tool.schema.evidence import Level

Kind = Literal["evaluation", "transition", "change", "waiver", "recommendation", "offer", "retraining"]
Status = Literal["pass", "fail", "skip", "inconclusive", "error"]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*$", max_length=80)]


def _one_line(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    return text


def _finite(value: Any) -> Any:
    """Refuse NaN and infinities at any depth: a bound that nothing reaches, or that everything passes, is none."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in parts:
        _finite(part)
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"must be finite numbers, not {value}")
    return value


Text = Annotated[str, AfterValidator(_one_line)]


class Condition(Record):
    """When a policy applies. A condition that does not hold makes the policy skip; skip is not pass."""

    name: Name
    expression: Text


class Match(Record):
    """What a policy judges: the kind names its typed variables (tool.policy.variables)."""

    kind: Kind
    conditions: tuple[Condition, ...] = ()


class Validation(Record):
    """One rule: true passes. `message` (or the string that `message_expression` yields) says what is wrong."""

    id: Name
    expression: Text
    message: Text
    message_expression: str | None = None
    remedy: Text


class Policy(Record):
    """One policy. `params` are plain numbers, strings, lists and maps of them, typed for CEL by their values."""

    id: str
    purpose: Text
    match: Match
    params: Annotated[dict[str, Any], AfterValidator(_finite)] = {}
    level: Level
    on_missing: Literal["inconclusive", "fail"] = "inconclusive"
    validations: tuple[Validation, ...] = Field(min_length=1)
    sources: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _unique(self) -> Policy:
        ids = [validation.id for validation in self.validations]
        twice = sorted({id for id in ids if ids.count(id) > 1})
        if twice:
            raise ValueError(f"validation ids given twice: {', '.join(twice)}")
        return self


class Case(Record):
    """One case of a policy's own tests. `input` and `old_input` hold the variables, `now` is the clock.

    `validation` narrows `expect` to one validation; without it `expect` is the outcome of the policy as a whole.
    `reason` must occur in the message of the outcome (for skip: in the condition's name).
    """

    name: Text
    input: dict[str, Any]
    old_input: dict[str, Any] | None = None
    now: str | None = None
    validation: Name | None = None
    expect: Literal["pass", "fail", "skip", "inconclusive"]
    reason: str | None = None

    @model_validator(mode="after")
    def _reasoned(self) -> Case:
        if self.expect != "pass" and not self.reason:
            raise ValueError("say the reason that the outcome must give")
        return self


class PolicyTests(Record):
    """`policies/<area>/tests/<policy>.yaml`: `base` is merged under the input of each case."""

    id: str
    policy: str
    base: dict[str, Any] = {}
    cases: tuple[Case, ...] = Field(min_length=1)
