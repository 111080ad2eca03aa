"""python -m tool.oracle grid|trace|explain|check, in the oracle's environment (`make oracle` runs the grid)."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from tool.errors import FtcError
from tool.load import find_root


def _grid(options: Any, root: Path) -> int:
    from tool.oracle.grid import grid
    from tool.oracle.worker import run_grid

    files = {name: rows for name, rows in grid().items() if not options.only or name in options.only}
    return 1 if run_grid(files, root, options.anew) else 0


def _trace(options: Any, root: Path) -> int:
    from tool.oracle.worker import answer

    print(json.dumps(answer(json.load(sys.stdin), root)))
    return 0


def _explain(options: Any, root: Path) -> int:
    from tool.oracle.explain import explain

    print(explain(json.load(sys.stdin), root))
    return 0


def _check(options: Any, root: Path) -> int:
    from tool.oracle.check import TOLERANCE, check
    from tool.oracle.worker import quiet

    quiet()
    worst = 0.0
    for item in check():
        worst = max(worst, abs(item.difference))
        print(f"{item.difference:+.3%}  pretended {item.pretended:,}  real {item.real:,} bytes  {item.id}", flush=True)
    print(f"largest difference {worst:.3%} (tolerated: {TOLERANCE:.1%})")
    return 1 if worst > TOLERANCE else 0


def main(arguments: list[str] | None = None) -> int:
    """Run one command; an expected failure is one line on stderr and its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tool.oracle", description=__doc__)
    parser.add_argument("command", choices=("grid", "trace", "explain", "check"))
    parser.add_argument("--root", type=Path)
    parser.add_argument("--anew", action="store_true", help="trace rows again that are there already")
    parser.add_argument("--only", nargs="*", help="names of files to trace")
    options = parser.parse_args(arguments)
    try:
        root = options.root or find_root(Path.cwd())
        return {"grid": _grid, "trace": _trace, "explain": _explain, "check": _check}[options.command](options, root)
    except FtcError as error:
        print(error, file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
