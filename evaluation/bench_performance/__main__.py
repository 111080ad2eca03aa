"""Measure everything and write evaluation/reports/performance.md with its plots: under four minutes."""

from __future__ import annotations

import sys
from pathlib import Path

from evaluation.bench_performance.measure import measure
from evaluation.bench_performance.report import page, plots
from tool.files import replace_file
from tool.load import find_root, open_repo

REPORTS = "evaluation/reports"


def main() -> int:
    """Write the report of the repository that contains the current folder."""
    root = find_root(Path.cwd())
    found = measure(open_repo(root))
    replace_file(root / REPORTS / "performance.md", page(found).encode())
    for name, drawing in plots(found).items():
        replace_file(root / REPORTS / name, drawing.encode())
    print(page(found), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
