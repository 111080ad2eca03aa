"""Plant every kind of fault into every carrier, write the file, lint it, and see whether the fault is told."""

from __future__ import annotations

import copy
import random
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evaluation.lint_report import faults_of_card, faults_of_keys, faults_of_settings
from evaluation.lint_report.carrier import Carrier, Kind
from tool.export.engine import nested
from tool.lint.check import Options, lint
from tool.lint.finding import Finding
from tool.lint.view import Target
from tool.load import Repo
from tool.schema.priors import Priors

KINDS: tuple[Kind, ...] = (*faults_of_keys.KINDS, *faults_of_settings.KINDS, *faults_of_card.KINDS)
SEED = 20261124


@dataclass
class Score:
    """How many faults were planted and found; `missed` names where."""

    planted: int = 0
    found: int = 0
    missed: list[str] = field(default_factory=list)

    def add(self, found: bool, where: str) -> None:
        self.planted += 1
        self.found += found
        if not found:
            self.missed.append(where)


def kind_name(kind: Kind) -> str:
    """The name of a kind in words."""
    return str(getattr(kind, "__name__", "")).replace("_", " ")


@dataclass
class Planting:
    """Results by kind and by framework, and what the carriers say before anything is planted."""

    by_kind: dict[str, Score] = field(default_factory=dict)
    by_framework: dict[str, Score] = field(default_factory=dict)
    clean: dict[str, list[Finding]] = field(default_factory=dict)

    @property
    def total(self) -> Score:
        scores = self.by_kind.values()
        return Score(sum(score.planted for score in scores), sum(score.found for score in scores))


def plant(repo: Repo, priors: Priors, carriers: Iterable[Carrier], kinds: tuple[Kind, ...] = KINDS) -> Planting:
    """Every kind into every carrier that has it. A fault counts as found when one of its rules says something new."""
    result = Planting()
    with tempfile.TemporaryDirectory() as folder:
        for carrier in carriers:
            said = findings(repo, priors, carrier, Path(folder))
            result.clean[carrier.name] = said
            before = {(item.rule, item.key, item.message) for item in said}
            for kind in kinds:
                planted = copy.deepcopy(carrier)
                rules = kind(planted, random.Random(f"{SEED} {carrier.name} {kind_name(kind)}"))
                if rules is None:
                    continue
                after = findings(repo, priors, planted, Path(folder))
                new = [item for item in after if (item.rule, item.key, item.message) not in before]
                found = any(item.rule in rules for item in new)
                if not found and any(item.rule in rules for item in said):
                    continue  # the carrier had this very fault before
                where = f"{carrier.name}: {kind_name(kind)}"
                result.by_kind.setdefault(kind_name(kind), Score()).add(found, carrier.name)
                result.by_framework.setdefault(carrier.framework, Score()).add(found, where)
    return result


def findings(repo: Repo, priors: Priors, carrier: Carrier, folder: Path) -> list[Finding]:
    """What the linter says of the carrier, written to a file as a user would have it."""
    path = folder / ("train.py" if carrier.calls else f"{carrier.framework}.yaml")
    path.write_text(text_of(carrier), encoding="utf-8")
    target = Target(gpu=carrier.options.get("gpu"), rows=carrier.options.get("rows"))
    options = Options(carrier.framework, None, target)
    shown = str(carrier.options.get("path", path.name))
    return [finding for report in lint(path, shown, options, repo, priors) for finding in report.findings]


def text_of(carrier: Carrier) -> str:
    """YAML, or a script that makes the calls."""
    import yaml

    if carrier.calls:
        return "\n".join(_script(carrier.config)) + "\n"
    text = str(carrier.options.get("header", "")) + yaml.safe_dump(
        nested(_without_clashes(carrier.config)), sort_keys=True, allow_unicode=True
    )
    twice = carrier.options.get("twice")
    return text + f"{twice}: {carrier.config[twice]!r}\n" if twice else text


def _without_clashes(config: dict[str, Any]) -> dict[str, Any]:
    """Rows may hold a value at a key and others below it, which no file can: what is below it goes."""
    return {
        key: value
        for key, value in config.items()
        if not any(".".join(key.split(".")[:size]) in config for size in range(1, key.count(".") + 1))
    }


def _script(config: dict[str, Any]) -> Iterator[str]:
    calls: dict[str, list[str]] = {}
    for key, value in config.items():
        call, _, name = key.rpartition(".")
        computed = isinstance(value, str) and value.startswith("${")
        written = "computed()" if computed else repr(value)
        if name.isidentifier() and all(part.isidentifier() for part in call.split(".")):
            calls.setdefault(call, []).append(f"    {name}={written},")
    for number, (call, arguments) in enumerate(sorted(calls.items())):
        yield f"result_{number} = {call}("
        yield from arguments
        yield ")"
