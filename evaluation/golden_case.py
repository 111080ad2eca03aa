"""One case of the golden set: a request, what was measured or published, and where."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from tool.errors import Fault, InputFaults, NothingEvaluated
from tool.policy.digests import GOLDEN
from tool.schema.base import Record

CaseKind = Literal["expert", "memory", "oom", "outcome", "out_of_distribution", "in_distribution"]
RECOMMENDED = ("expert", "outcome", "out_of_distribution", "in_distribution")
PRICED = ("memory", "oom")


class GoldenCase(Record):
    """`request` is one of `ftc recommend` (of `ftc fit` for memory and oom), `expect` the truth that it is held to.

    expert: `learning_rate` that the publisher chose. memory: `need_gib`, the measured peak. oom: the run did not fit.
    outcome: `rates` and `losses` of a measured curve. out_of_distribution and in_distribution: whether the answer must
    be a constrained-safe one. `weight` is the say of the case among experts (see evaluation/golden_sources.py).
    """

    id: str
    kind: CaseKind
    category: str
    request: dict[str, Any]
    expect: dict[str, Any]
    source: dict[str, Any]
    weight: float = Field(default=1.0, gt=0)


def line_of(case: GoldenCase) -> str:
    """The one line of a case: sorted keys, no spaces."""
    data = case.model_dump(mode="json")
    return json.dumps(data, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def parse_cases(text: str) -> list[GoldenCase]:
    """The golden set from its text. Raises InputFaults with every bad line."""
    cases: list[GoldenCase] = []
    faults: list[Fault] = []
    seen: set[str] = set()
    mend = "let `python -m evaluation.golden --write` write the file"
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            case = GoldenCase.model_validate(json.loads(line))
        except ValidationError as error:
            faults += [
                Fault(GOLDEN, number, ".".join(str(part) for part in item["loc"]), item["msg"], mend)
                for item in error.errors()
            ]
            continue
        except (ValueError, RecursionError) as error:
            faults.append(Fault(GOLDEN, number, "", f"is not JSON: {error}", mend))
            continue
        if case.id in seen:
            faults.append(Fault(GOLDEN, number, "id", f"{case.id!r} is given twice", mend))
        seen.add(case.id)
        cases.append(case)
    if faults:
        raise InputFaults(faults)
    return cases


def load_golden(root: Path) -> list[GoldenCase]:
    """The golden set of a repository. Raises InputFaults, or NothingEvaluated when it is missing or empty."""
    path = root / GOLDEN
    if not path.is_file():
        raise NothingEvaluated(f"{GOLDEN} is missing; `python -m evaluation.golden --write` builds it")
    try:
        cases = parse_cases(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise InputFaults([Fault(GOLDEN, 0, "", "is not UTF-8", "build it anew")]) from None
    if not cases:
        raise NothingEvaluated(f"{GOLDEN} holds no case; `python -m evaluation.golden --write` builds it")
    return cases
