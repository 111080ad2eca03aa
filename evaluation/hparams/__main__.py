"""`python -m evaluation.hparams [--root DIR] [--speed]`: write evaluation/reports/hparams.md."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from evaluation.hparams import experts, outside, report, speed, sweeps
from evaluation.hparams.rank import measured_ranks
from tool.learn.fit import fit
from tool.learn.grow import Settings
from tool.learn.opinions import opinions
from tool.learn.outcomes import load_curves
from tool.learn.serve import Engine
from tool.learn.train import registry_families, served_arrays, tables_of
from tool.load import find_root, open_repo
from tool.recipes import load_recipes

PAGE = "evaluation/reports/hparams.md"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m evaluation.hparams", description=__doc__)
    parser.add_argument("--root", type=Path, default=None)
    parser.add_argument("--speed", action="store_true", help="also time 10,000 answers (printed, not written)")
    arguments = parser.parse_args()
    root = arguments.root or find_root(Path.cwd())
    repo = open_repo(root)
    recipes, curves, families = load_recipes(repo).recipes, load_curves(root), registry_families(repo)
    items = opinions(recipes)
    whole = fit(items, curves, Settings(), families)
    engine = Engine("whole", tables_of(whole, []), served_arrays(whole))
    everyone = experts.leave_one_out(recipes, curves, families)
    scored, found = sweeps.score(items, curves, Settings(trees=30)), outside.detected(repo, engine)
    page = report.report(everyone, scored, found, outside.measured_ooms(repo), measured_ranks(recipes, curves))
    (root / PAGE).parent.mkdir(parents=True, exist_ok=True)
    (root / PAGE).write_text(page, encoding="utf-8")
    print(f"wrote {PAGE}", file=sys.stderr)
    if arguments.speed:
        print(f"10,000 answers by hybrid_ml: {speed.batch_seconds(engine):.1f} s of CPU", file=sys.stderr)


if __name__ == "__main__":
    main()
