"""`python -m tool.sweep CONFIG.yaml [--limit N] [--shard I N] [--only PART]`: run what its table still lacks."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

from tool.sweep.grid import read_config, runs


def finished(table: Path) -> set[str]:
    """Ids of the rows that were written whole; a torn last line does not count."""
    if not table.exists():
        return set()
    text = table.read_text(encoding="utf-8")
    return {json.loads(line)["id"] for line in text[: text.rfind("\n") + 1].splitlines()}


def mend(table: Path) -> None:
    """Cut off a torn last line, so that the next row starts clean."""
    if table.exists():
        text = table.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            table.write_text(whole, encoding="utf-8")


def append(table: Path, row: dict[str, Any]) -> None:
    """One write, then down to the disk: a stopped sweep never leaves half a row behind a whole one."""
    line = json.dumps(row, sort_keys=True, allow_nan=False) + "\n"
    with table.open("a", encoding="utf-8") as stream:
        stream.write(line)
        stream.flush()
        os.fsync(stream.fileno())


def versions() -> dict[str, str]:
    """What the figures were measured with."""
    import peft
    import torch
    import transformers

    packages = {"torch": torch, "transformers": transformers, "peft": peft}
    return {"python": platform.python_version(), **{name: str(item.__version__) for name, item in packages.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tool.sweep", description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("--shard", type=int, nargs=2, default=(0, 1), metavar=("I", "N"), help="every Nth run from I")
    parser.add_argument("--only", default="", metavar="PART", help="runs whose id starts so, e.g. body/lora-r8")
    parser.add_argument("--limit", type=int, default=None, help="stop after this many runs")
    arguments = parser.parse_args()
    config = read_config(arguments.config)
    table = arguments.config.with_suffix(".jsonl")
    mend(table)
    done = finished(table)
    first, step = arguments.shard
    todo = [run for run in runs(config) if run.id not in done and run.id.startswith(arguments.only)][first::step][
        : arguments.limit
    ]
    print(f"{len(done)} runs are in {table.name}, {len(todo)} to go", file=sys.stderr)
    if not todo:
        return
    from tool.sweep.train import load_base, train

    base, tokenizer = load_base(config)
    used = versions()
    untrained: dict[str, float] = {}
    for number, run in enumerate(todo, 1):
        if run.id in finished(table):
            continue
        row = train(run, config, base, tokenizer, untrained)
        append(table, {**row, "versions": used})
        loss = row["held_out_loss"].get(str(config.steps))
        print(f"{number}/{len(todo)} {run.id}: held-out loss {loss}, {row['seconds']} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
