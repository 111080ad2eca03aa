"""Reports as text, as plain data, and as annotations of GitHub."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tool.lint.check import Report
from tool.lint.finding import Finding
from tool.lint.known import TITLES
from tool.schema.fit import FitAnswer

_GITHUB = {"error": "error", "warning": "warning", "note": "notice"}


def text(report: Report) -> Iterator[str]:
    """A line for each finding, its mend below it, and what the run costs."""
    run = f": {report.run}" if report.run else ""
    yield f"{report.path} ({TITLES[report.framework]}{run})"
    for finding in report.findings:
        place = f"{report.path}:{finding.line}" if finding.line else report.path
        yield f"  {place}: {finding.level}: {finding.message} [{finding.rule}]"
        if finding.mend:
            yield f"      → {finding.mend}"
    if report.memory is not None:
        yield f"  memory: {cost(report.memory)}"


def cost(answer: FitAnswer) -> str:
    """One line on what the run takes."""
    from tool.lint.memory import largest, need

    if answer.upper_gib is None:
        return f"no forecast: {answer.abstained_because}"
    words = {"fits": "fits", "tight": "may not fit", "oom": "does not fit"}
    head = words.get(answer.verdict, "no verdict" if answer.usable_gib else "no card named")
    return f"{head}: {need(answer)}, peak in {answer.peak_phase} ({largest(answer)})"


def summary(reports: list[Report]) -> str:
    """How many findings of each level in how many files."""
    counts = [(sum(report.count(level) for report in reports), level) for level in ("error", "warning", "note")]
    files = len({report.path for report in reports})
    found = (
        ", ".join(f"{count} {level}{'s' if count != 1 else ''}" for count, level in counts if count) or "no findings"
    )
    return f"{found} in {files} file{'s' if files != 1 else ''}"


def plain(report: Report) -> dict[str, Any]:
    """One report for programs."""
    return {
        "path": report.path,
        "framework": report.framework,
        "run": report.run,
        "findings": [_plain(finding) for finding in report.findings],
        "memory": report.memory.model_dump(mode="json") if report.memory is not None else None,
    }


def _plain(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "level": finding.level,
        "line": finding.line,
        "key": finding.key,
        "message": finding.message,
        "mend": finding.mend,
    }


def github(report: Report) -> Iterator[str]:
    """Workflow commands, one a finding (docs.github.com, "Workflow commands")."""
    for finding in report.findings:
        place = f"file={_property(report.path)}" + (f",line={finding.line}" if finding.line else "")
        title = _property(f"ftc lint: {finding.rule}")
        yield f"::{_GITHUB[finding.level]} {place},title={title}::{_data(finding.text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
