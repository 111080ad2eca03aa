"""A report for readers: text, the comment of a pull request, and the formats that test dashboards read."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any
from xml.etree import ElementTree

from evaluation.excuses import Excused
from tool.schema.evidence import EvaluationReport, GateResult

MARKER = "<!-- ftc-evaluate -->"
"""By this line a workflow finds its comment again, to bring it up to date."""
Renderer = Callable[[EvaluationReport, Excused, str | None], str]
COLUMNS = ("gate", "level", "status", "value", "threshold", "baseline", "n", "interval", "reason", "remedy")


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _row(gate: GateResult) -> tuple[str, ...]:
    span = f"{gate.interval[0]:g} to {gate.interval[1]:g}" if gate.interval else "–"
    numbers = (_shown(gate.value), _shown(gate.threshold), _shown(gate.baseline), _shown(gate.n), span)
    return (gate.id, gate.level, gate.status, *numbers, gate.message or "–", gate.remedy or "–")


def headline(report: EvaluationReport, excused: Excused) -> str:
    """The verdict in a line."""
    compared = f" against {report.against}" if report.against else ""
    waived = f", {len(excused.gates)} waived" if excused.gates else ""
    failed = sum(gate.status not in ("pass", "skip") for gate in report.gates)
    return f"{excused.verdict}: {report.engine}{compared}: {len(report.gates)} gates, {failed} not passed{waived}"


def next_command(report: EvaluationReport, excused: Excused) -> str:
    """What to do now. An engine that was judged beside the live one is on its way to staging; else status knows."""
    if excused.verdict == "pass":
        return f"ftc promote {report.engine} --to staging" if report.against else "ftc status"
    return f"ftc evaluate --engine {report.engine} --output text"


def text(report: EvaluationReport, excused: Excused, head: str | None = None) -> str:
    """For a terminal."""
    lines = [headline(report, excused)]
    for gate in sorted(report.gates, key=lambda gate: (gate.status in ("pass", "skip"), gate.id)):
        numbers = f"{_shown(gate.value):>8} {_shown(gate.threshold):>8} {_shown(gate.baseline):>8} n={_shown(gate.n)}"
        lines.append(f"  {gate.status:<12} {gate.level:<8} {gate.id:<44} {numbers}")
        if gate.status not in ("pass", "skip"):
            lines.append(f"      {gate.message}; {gate.remedy}")
    lines += [f"waiver: {line}" for line in excused.lines]
    lines += ["worst cases:"] + [f"  {item['case']}: {item['why']}" for item in report.worst]
    lines += [f"note: {note}" for note in report.notes]
    return "\n".join([*lines, f"next: {next_command(report, excused)}"]) + "\n"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    clean = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    return [
        "| " + " | ".join(header) + " |",
        "|" + " --- |" * len(header),
        *("| " + " | ".join(row) + " |" for row in clean),
    ]


def markdown(report: EvaluationReport, excused: Excused, head: str | None = None) -> str:
    """The comment of a pull request: verdict first, details collapsed."""
    blocking = [gate for gate in report.gates if gate.status not in ("pass", "skip")]
    lines = [MARKER, f"## Evaluation: {excused.verdict}", "", headline(report, excused)]
    lines += [f"Head: `{head}`"] if head else []
    lines += ["", *_table(COLUMNS, [_row(gate) for gate in blocking or report.gates])]
    lines += ["", "Waivers:", *(f"- {line}" for line in excused.lines)] if excused.lines else []
    lines += ["", f"<details><summary>All {len(report.gates)} gates</summary>", ""]
    lines += [*_table(COLUMNS, [_row(gate) for gate in report.gates]), "", "</details>"]
    lines += ["", f"<details><summary>The worst {len(report.worst)} cases</summary>", ""]
    lines += [f"- `{item['case']}`: {item['why']}" for item in report.worst]
    digests = [f"engine `{report.engine_digest}`", f"golden set `{report.golden_digest}`"]
    digests += [f"gates `{report.policies_digest}`", f"report `{excused.digest}`"]
    lines += ["", "</details>", "", "Digests: " + ", ".join(digests)]
    return "\n".join([*lines, "", f"Next: `{next_command(report, excused)}`"]) + "\n"


def junit(report: EvaluationReport, excused: Excused, head: str | None = None) -> str:
    """JUnit XML: one test case a gate."""
    states = [gate.status for gate in report.gates]
    counts = {"failures": states.count("fail"), "errors": states.count("error") + states.count("inconclusive")}
    attributes = {
        "name": f"ftc evaluate {report.engine}",
        "tests": str(len(states)),
        "skipped": str(states.count("skip")),
    }
    suite = ElementTree.Element("testsuite", {**attributes, **{key: str(value) for key, value in counts.items()}})
    tags = {"fail": "failure", "error": "error", "inconclusive": "error", "skip": "skipped"}
    for gate in report.gates:
        policy, _, validation = gate.id.partition("/")
        case = ElementTree.SubElement(suite, "testcase", {"classname": policy, "name": validation or policy})
        if gate.status in tags:
            told = f"{gate.message}; {gate.remedy}" if gate.remedy else gate.message
            ElementTree.SubElement(case, tags[gate.status], {"message": told})
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def sarif(report: EvaluationReport, excused: Excused, head: str | None = None) -> str:
    """SARIF 2.1.0: one result a gate that did not pass, at the gate's own file."""
    blocking = [gate for gate in report.gates if gate.status not in ("pass", "skip")]
    rules = [{"id": gate.id, "help": {"text": gate.remedy or gate.message}} for gate in blocking]
    results = [
        {
            "ruleId": gate.id,
            "level": "error" if gate.level == "hard" else "warning",
            "message": {"text": f"{gate.message}; {gate.remedy}"},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": _file(gate)}, "region": {"startLine": 1}}}],
        }
        for gate in blocking
    ]
    driver = {"name": "ftc evaluate", "version": report.tool_version, "rules": rules}
    run = {"tool": {"driver": driver}, "results": results}
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return json.dumps({"$schema": schema, "version": "2.1.0", "runs": [run]}, indent=2, sort_keys=True) + "\n"


def _file(gate: GateResult) -> str:
    return f"policies/gates/{gate.id.split('/')[0]}.yaml"


RENDERERS: dict[str, Renderer] = {"text": text, "markdown": markdown, "junit": junit, "sarif": sarif}
