"""Whether what governance reads can be read at all: state, events, engines and owners, for `ftc validate`.

Whether each step was legal is for `ftc verify`.
"""

from __future__ import annotations

from pathlib import Path

from tool.errors import Fault, InputFaults
from tool.govern.finding import Finding
from tool.govern.hosting import OWNERS, read_owners
from tool.govern.store import ENGINES, engine_versions, read_engine, read_history
from tool.policy.files import read_folder


def governed_faults(root: Path) -> list[Fault]:
    """Every fault of registry/engines and of the owners."""
    files = read_folder(root, ENGINES)
    engines = [read_engine(files, version) for version in engine_versions(files)]
    findings = [*read_history(files)[1], *(engine for engine in engines if isinstance(engine, Finding))]
    faults = [Fault(finding.path, finding.line, "", finding.message, finding.remedy) for finding in findings]
    if (root / OWNERS).exists():
        try:
            read_owners(root)
        except InputFaults as error:
            faults += error.faults
    return faults
