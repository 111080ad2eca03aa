"""Which published files the linter flags for an unknown key, and which of these flags an audit found wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evaluation.lint_report.carriers import FILES, rows
from tool.errors import FtcError
from tool.lint.check import Options, lint_document
from tool.lint.known import plain
from tool.load import Repo
from tool.schema.priors import Priors

AUDIT = "evaluation/lint_report/audit.yaml"


@dataclass
class Published:
    """One framework's files: how many, flagged for an unknown key, flagged for one that is in truth known."""

    files: int = 0
    flagged: int = 0
    wrongly: int = 0
    failing: int = 0
    keys: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)


def audit(root: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """(framework, key) → verdict and reason. Raises FtcError for a verdict that is none."""
    import yaml

    found = {}
    for entry in yaml.safe_load((root / AUDIT).read_text(encoding="utf-8")):
        if entry["verdict"] not in ("unknown", "known"):
            raise FtcError(f"{AUDIT}: {entry['key']}: the verdict is unknown or known, not {entry['verdict']!r}")
        for key in entry["keys"]:
            found[entry["framework"], key] = entry
    return found


def read_published(root: Path, repo: Repo | None = None, priors: Priors | None = None) -> dict[str, Published]:
    """Every row of these schemas through the linter. A key that nobody audited counts as wrongly flagged."""
    judged = audit(root)
    result: dict[str, Published] = {}
    for file, framework in FILES.items():
        seen = result.setdefault(file, Published())
        for row, document in rows(root, file):
            report = lint_document(document, row["source"]["path"], Options(framework), repo, priors)
            unknown = {plain(finding.key) for finding in report.findings if finding.rule == "unknown-key"}
            seen.files += 1
            seen.flagged += bool(unknown)
            seen.wrongly += any(judged.get((framework, key), {}).get("verdict") != "unknown" for key in unknown)
            seen.failing += any(finding.level != "note" for finding in report.findings)
            seen.keys.update(unknown)
            seen.rules.update({finding.rule for finding in report.findings})
    return result
