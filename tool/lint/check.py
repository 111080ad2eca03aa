"""One file → a report: every finding, and what the run costs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tool.errors import BadRequest, did_you_mean
from tool.lint.detect import detect
from tool.lint.finding import Finding
from tool.lint.keys_rule import key_findings
from tool.lint.read import Document, read
from tool.lint.rules import STATIC
from tool.lint.view import Target, View, placed, view_of
from tool.load import Repo
from tool.schema.fit import FitAnswer
from tool.schema.priors import Priors


@dataclass(frozen=True)
class Options:
    """How to lint. `framework`: a name, or None to detect it. `version`: its release (None: the newest listed)."""

    framework: str | None = None
    version: str | None = None
    target: Target = field(default_factory=Target)
    ignore: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Report:
    """What was found in one file. `memory` is None where no model is named or no registry is at hand."""

    path: str
    framework: str
    findings: tuple[Finding, ...]
    memory: FitAnswer | None = None
    run: str = ""

    def count(self, level: str) -> int:
        return sum(finding.level == level for finding in self.findings)


def lint(
    path: Path, shown: str, options: Options, repo: Repo | None = None, priors: Priors | None = None
) -> list[Report]:
    """One report for each document of the file. Raises BadRequest for a file that cannot be judged."""
    return [lint_document(document, shown, options, repo, priors) for document in read(path)]


def lint_document(
    document: Document, shown: str, options: Options, repo: Repo | None = None, priors: Priors | None = None
) -> Report:
    """The report of one document. Raises BadRequest where the framework cannot be told, or the card is unknown."""
    framework = options.framework or detect(document, shown)
    view, unreadable = view_of(framework, document, options.target, shown)
    found = [*document.findings, *key_findings(framework, document, options.version), *unreadable]
    for rule in STATIC:
        found.extend(rule(view))
    found.extend(_ranges(view))
    answer = None
    if priors is not None:
        from tool.lint.practice import practice

        found.extend(practice(view, priors))
    if repo is not None:
        more, answer = _on_card(view, repo)
        found.extend(more)
    run = f"{view.objective}, {view.adapter}" if view.draft else ""
    return Report(shown, framework, tuple(_kept(found, document, options.ignore)), answer, run)


def _ranges(view: View) -> Iterable[Finding]:
    from tool.lint.ranges import out_of_range

    return out_of_range(view)


def _on_card(view: View, repo: Repo) -> tuple[list[Finding], FitAnswer | None]:
    """Findings that need the registry: the card, the model, and the memory of both together."""
    from tool.lint.hardware import card, model
    from tool.lint.memory import fit_request, memory, steps
    from tool.lint.subject import question_of
    from tool.memory import fit

    question = question_of(view, repo)
    found = list(steps(view))
    if question is not None and question.hardware is not None:
        found.extend(card(view, question.hardware))
    if question is not None and question.subject.exact:
        found.extend(model(view, question.subject))
    request = fit_request(view, question)
    if request is None:
        return found, None
    answer = fit(repo, request)
    return [*found, *memory(view, repo, request, answer)], answer


def _kept(found: Iterable[Finding], document: Document, ignore: frozenset[str]) -> list[Finding]:
    """Findings in order without those that were silenced, and one finding at most for a key and rule."""
    kept: dict[tuple[int, str, str], Finding] = {}
    for finding in placed(iter(found)):
        silenced = document.ignored.get(finding.line, frozenset()) if finding.line else frozenset()
        if finding.rule in ignore or "*" in silenced or finding.rule in silenced:
            continue
        kept.setdefault((finding.line, finding.key, finding.rule), finding)
    return list(kept.values())


def check_rules(names: Iterable[str]) -> frozenset[str]:
    """The names as a set. Raises BadRequest for one that is no rule."""
    from tool.lint.catalog import RULES

    for name in names:
        if name not in RULES:
            raise BadRequest("ignore", f"no such rule {name!r}", did_you_mean(name, RULES, "see --rules"))
    return frozenset(names)
