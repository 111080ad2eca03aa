"""python -m tool.measure grid|one: `make measure` runs the grid on the card of this machine."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from tool.errors import FtcError
from tool.load import find_root

FOLDER = Path("registry/measurements")


def _one(options: Any, root: Path) -> int:
    from tool.measure.one import measured_row
    from tool.oracle.request import TraceRequest
    from tool.oracle.worker import quiet

    quiet()
    print(json.dumps(measured_row(TraceRequest(**json.load(sys.stdin)), root, options.device, options.layers)))
    return 0


def _grid(options: Any, root: Path) -> int:
    import torch

    from tool.measure.grid import grid
    from tool.measure.runner import in_a_process, run

    if options.device == "cuda" and not torch.cuda.is_available():
        raise FtcError("this machine shows no CUDA card: run `make measure` where there is one")
    card = torch.cuda.get_device_name() if options.device == "cuda" else "CPU"
    slug = "".join(letter if letter.isalnum() else "_" for letter in card.lower())
    path = options.out or root / FOLDER / f"own_{slug}.jsonl"
    requests = grid()[: options.limit]
    return 1 if run(requests, path, card, in_a_process(root, options.device)) else 0


def main(arguments: list[str] | None = None) -> int:
    """Run one command; an expected failure is one line on stderr."""
    parser = argparse.ArgumentParser(prog="python -m tool.measure", description=__doc__)
    parser.add_argument("command", choices=("grid", "one"))
    parser.add_argument("--root", type=Path)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--layers", type=int, help="trace only so many layers (a try-out)")
    parser.add_argument("--limit", type=int, help="only the first so many configurations")
    parser.add_argument("--out", type=Path, help="file of rows (default: registry/measurements/own_<card>.jsonl)")
    options = parser.parse_args(arguments)
    try:
        root = options.root or find_root(Path.cwd())
        return {"one": _one, "grid": _grid}[options.command](options, root)
    except FtcError as error:
        print(error, file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
