"""Measure the linter and print the page, or write it with --write."""

from __future__ import annotations

import sys
from pathlib import Path

from evaluation.lint_report.carriers import exported, published
from evaluation.lint_report.page import page
from evaluation.lint_report.planting import plant
from evaluation.lint_report.published import audit, read_published
from tool.load import find_root, open_repo
from tool.priors import load_priors

PATH = "evaluation/reports/lint.md"
PUBLISHED_CARRIERS = 12
"""Published files a framework that faults are planted into."""


def main(arguments: list[str]) -> int:
    """Exit code 2 for arguments that are not known."""
    if arguments not in ([], ["--write"]):
        print("usage: python -m evaluation.lint_report [--write]", file=sys.stderr)
        return 2
    repo = open_repo(find_root(Path.cwd()))
    priors = load_priors(repo)
    planted = plant(repo, priors, exported(repo))
    files = plant(repo, priors, published(repo, PUBLISHED_CARRIERS))
    text = page(planted, files, read_published(repo.root, repo, priors), audit(repo.root))
    if arguments:
        (repo.root / PATH).write_text(text, encoding="utf-8")
        print(f"written: {PATH}")
    else:
        print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
