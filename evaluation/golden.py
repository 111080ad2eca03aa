"""Build the golden set from evaluation/reserved.yaml: `python -m evaluation.golden [--write]`.

Without --write it says what the set holds, and ends with 1 when the committed file is another.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from evaluation.golden_authored import authored_cases
from evaluation.golden_case import GoldenCase, line_of
from evaluation.golden_sources import expert_cases, memory_cases, outcome_cases
from tool.load import Repo, find_root, open_repo
from tool.policy.digests import GOLDEN


def build(repo: Repo) -> list[GoldenCase]:
    """Every case, sorted by id. The same inputs give the same cases."""
    cases = [*expert_cases(repo), *memory_cases(repo), *outcome_cases(repo), *authored_cases(repo.root)]
    return sorted(cases, key=lambda case: case.id)


def text_of(cases: Sequence[GoldenCase]) -> str:
    """The file of the golden set."""
    return "".join(f"{line_of(case)}\n" for case in cases)


def summary(cases: Sequence[GoldenCase]) -> str:
    """What the set holds, and which groups are thin (fewer than ten cases)."""
    kinds = Counter(case.kind for case in cases)
    groups = Counter(case.category for case in cases)
    tasks = Counter(str(case.request.get("task", "not said")) for case in cases if case.kind == "expert")
    lines = [f"{len(cases)} cases: " + ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))]
    lines.append("categories: " + ", ".join(f"{name} {count}" for name, count in sorted(groups.items())))
    lines.append("experts by task: " + ", ".join(f"{name} {count}" for name, count in sorted(tasks.items())))
    thin = [name for name, count in sorted((groups + tasks).items()) if count < 10]
    lines.append(f"thin: {', '.join(thin) or 'none'}")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Show, or write, the golden set of the repository that contains the current folder."""
    if set(arguments) - {"--write"}:
        print("usage: python -m evaluation.golden [--write]", file=sys.stderr)
        return 2
    root = find_root(Path.cwd())
    cases = build(open_repo(root))
    fresh = text_of(cases).encode()
    print(summary(cases))
    path = root / GOLDEN
    if "--write" in arguments:
        path.write_bytes(fresh)
        print(f"wrote {GOLDEN}")
        return 0
    same = path.is_file() and path.read_bytes() == fresh
    print(f"{GOLDEN} is {'current' if same else 'not current: add --write'}")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
