"""Reports → SARIF 2.1.0, which GitHub code scanning and editors read."""

from __future__ import annotations

from typing import Any

from tool.lint.catalog import RULES
from tool.lint.check import Report

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def sarif(reports: list[Report], version: str) -> dict[str, Any]:
    """One run with every rule that was found. Paths are relative URIs, so that a viewer finds them in the checkout."""
    used = sorted({finding.rule for report in reports for finding in report.findings})
    rules = [{"id": rule, "shortDescription": {"text": RULES[rule]}} for rule in used]
    driver = {
        "name": "ftc lint",
        "version": version,
        "rules": rules,
    }
    results = [_result(report, finding, used) for report in reports for finding in report.findings]
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}


def _result(report: Report, finding: Any, used: list[str]) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": report.path.replace("\\", "/").replace(" ", "%20")}}
    if finding.line:
        place["region"] = {"startLine": finding.line}
    return {
        "ruleId": finding.rule,
        "ruleIndex": used.index(finding.rule),
        "level": finding.level,
        "message": {"text": finding.text},
        "locations": [{"physicalLocation": place}],
    }
