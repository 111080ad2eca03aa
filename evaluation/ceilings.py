"""evaluation/ceilings.yaml: a ratchet. What has been reached may only be surpassed: `python -m evaluation.ceilings`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from tool.errors import Fault, InputFaults
from tool.load.records import faults_of, field_names
from tool.load.yaml_file import YamlFile
from tool.policy.digests import CEILINGS
from tool.policy.variables import Report
from tool.rounding import significant

AT_LEAST = {"within_two_fold": 0.03, "coverage": 0.02, "sharpness": 0.05}
"""Higher is better: metric → slack below what was measured."""
AT_MOST = {
    "learning_rate_error": 1.0,
    "learning_rate_error_p90": 5.0,
    "ece": 0.03,
    "brier": 0.02,
    "outcome_regret": 0.05,
    "memory_error": 0.02,
}
"""Lower is better: metric → slack above what was measured."""
CATEGORY_SLACK = 0.1
"""A category may fall by so much, or by one case, before it counts as a regression."""
HEADER = """\
# What the live recommender has reached on the golden set, less a stated slack. A ratchet: it may only be tightened
# (`python -m evaluation.ceilings --write`); the gate ceilings-ratchet refuses anything looser than the base's file.
"""


def parse_ceilings(data: bytes) -> dict[str, Any]:
    """The file as plain values under the names of the report. Raises InputFaults."""
    file = YamlFile(CEILINGS, data)
    if file.faults:
        raise InputFaults(file.faults)
    known = {*AT_LEAST, *AT_MOST, "categories"}
    if not isinstance(file.data, dict):
        raise InputFaults([Fault(CEILINGS, 1, "", "is not a mapping", "let `python -m evaluation.ceilings` write it")])
    strange = sorted(set(file.data) - known)
    if strange:
        mend = f"known: {', '.join(sorted(known))}"
        raise InputFaults(Fault(CEILINGS, file.line_of((key,)), key, "is no ceiling", mend) for key in strange)
    try:
        Report.model_validate(file.data)
    except ValidationError as error:
        raise InputFaults(faults_of(error, file, field_names(Report))) from None
    return dict(file.data)


def read_ceilings(root: Path) -> dict[str, Any]:
    """The committed ceilings; none where there is no file, which gates that need them treat as missing."""
    path = root / CEILINGS
    return parse_ceilings(path.read_bytes()) if path.is_file() else {}


def loosened(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Ceilings of the base that the change drops or relaxes, by name."""
    found = [name for name in AT_LEAST if name in old and not _at_least(new.get(name), old[name])]
    found += [name for name in AT_MOST if name in old and not _at_most(new.get(name), old[name])]
    later = new.get("categories") or {}
    for category, bounds in (old.get("categories") or {}).items():
        now = later.get(category, {}).get("within_two_fold")
        if not _at_least(now, bounds["within_two_fold"]):
            found.append(f"categories.{category}")
    return sorted(found)


def _at_least(value: float | None, bound: float) -> bool:
    return value is not None and value >= bound


def _at_most(value: float | None, bound: float) -> bool:
    return value is not None and value <= bound


def base_ceilings(root: Path, base: str | None) -> dict[str, Any] | None:
    """The ceilings of a commit; None where there is no git history. Empty when the commit has none."""
    for ref in (base,) if base else ("origin/main", "HEAD"):
        known = _git(root, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
        if known is not None:
            data = _git(root, "show", f"{ref}:{CEILINGS}")
            return parse_ceilings(data) if data is not None else {}
    if base:
        raise InputFaults([Fault(CEILINGS, 0, "", f"there is no commit {base!r}", "name a branch or a commit")])
    return None


def _git(root: Path, *arguments: str) -> bytes | None:
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, check=False)
    except OSError:
        return None
    top = done.returncode == 0
    return done.stdout if top else None


def tightened(old: Mapping[str, Any], report: Report) -> dict[str, Any]:
    """The tighter of the old ceilings and what the report reached, less the slack."""
    values = report.model_dump(exclude_none=True)
    new: dict[str, Any] = {}
    for name, slack in AT_LEAST.items():
        reached = [significant(values[name] - slack)] if name in values else []
        new |= {name: max(found)} if (found := [*reached, *([old[name]] if name in old else [])]) else {}
    for name, slack in AT_MOST.items():
        reached = [significant(values[name] + slack)] if name in values else []
        new |= {name: min(found)} if (found := [*reached, *([old[name]] if name in old else [])]) else {}
    new["categories"] = dict(old.get("categories") or {})
    for category, scores in (values.get("categories") or {}).items():
        slack = max(CATEGORY_SLACK, 1.0 / scores["n"])
        floor = significant(max(0.0, scores["within_two_fold"] - slack))
        before = new["categories"].get(category, {}).get("within_two_fold", 0.0)
        new["categories"][category] = {"within_two_fold": max(floor, before)}
    return new


def main(arguments: Sequence[str]) -> int:
    """Tighten the ceilings to what the recommender reaches without an engine, or with the live one."""
    from evaluation.run import measure_subject, open_ground
    from tool.load import find_root

    root = find_root(Path.cwd())
    ground = open_ground(root)
    scores = measure_subject(ground, ground.production or "deterministic").scores
    new = tightened(ground.ceilings, scores.report)
    text = HEADER + yaml.safe_dump(new, sort_keys=True)
    print(text, end="")
    if "--write" in arguments:
        (root / CEILINGS).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
