"""`ftc deps update` and `ftc deps bisect`: move pins within their ranges, and find what a move broke."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from tool.cli.common import common_options, print_json, progress
from tool.cli.deps_common import print_moves, stacks
from tool.cli.govern_common import clock


@click.command("update")
@common_options
@clock
@click.option("--stack", "ids", multiple=True, help="A stack of profiles/dependencies (default: all with ranges).")
@click.option("--write", is_flag=True, help="Write pins and locks; without it only what would move is shown.")
@click.option("--body", type=click.Path(dir_okay=False, path_type=Path), help="Write what moved as markdown here.")
def update_pins(root: Path, output: str, now: datetime, ids: tuple[str, ...], write: bool, body: Path | None) -> int:
    """Take the newest versions within each stack's ranges, among what was published before today, and lock them.

    A stack whose pins and lock stay as they are keeps its day. What is written resolves on Python 3.11, 3.12 and 3.13.
    Needs uv and a package index.

    \b
    Examples:
      ftc deps update
      ftc deps update --stack trl --write
    """
    from tool.deps import applying_clashes, lock_path, moved
    from tool.deps.pythons import proofs
    from tool.deps.update import rewritten, update
    from tool.generate.write import replace_file

    report: dict[str, dict[str, Any]] = {}
    with progress([stack for stack in stacks(root, ids) if stack.ranges], "updating") as todo:
        for stack in todo:
            file, lock = root / f"profiles/dependencies/{stack.id}.yaml", root / lock_path(stack.id)
            before = lock.read_text() if lock.is_file() else ""
            found = update(stack, f"{now:%Y-%m-%d}")
            changes = moved(before, found.lock)
            known = {clash.id for clash in applying_clashes(stack, before)}
            clashes = {clash.id for clash in applying_clashes(found.stack, found.lock)} - known
            written = bool(changes) and write
            if written:
                proved = found.stack.model_copy(update={"resolved": proofs(found.stack, found.lock)})
                replace_file(file, rewritten(file.read_text(), stack, proved).encode())
                replace_file(lock, found.lock.encode())
            report[stack.id] = {
                "pins": found.moved_pins(stack),
                "changed": bool(changes),
                "moved": changes,
                "clashes": sorted(clashes),
                "written": written,
            }
    print_moves(report, output)
    if body:
        replace_file(body.resolve(), _markdown(report).encode())
    return 0


def _markdown(report: dict[str, dict[str, Any]]) -> str:
    """What moved, for a pull request: one table, stacks that moved alike in one row."""
    rows: dict[tuple[str, str, str], list[str]] = {}
    for id, found in sorted(report.items()):
        for name, (old, new) in found["moved"].items():
            rows.setdefault((name, old or "absent", new or "absent"), []).append(id)
    lines = ["| package | before | after | stacks |", "|---|---|---|---|"]
    lines += [f"| {name} | {old} | {new} | {', '.join(ids)} |" for (name, old, new), ids in sorted(rows.items())]
    clashes = sorted({clash for found in report.values() for clash in found["clashes"]})
    lines += [f"\nA known clash applies to the newer versions: {clash}." for clash in clashes]
    return "\n".join(lines) + "\n"


@click.command("bisect")
@common_options
@click.option("--stack", "id", required=True, help="The stack of profiles/dependencies whose lock moved.")
@click.option("--before", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--after", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("proof", nargs=-1)
def bisect_locks(root: Path, output: str, id: str, before: Path, after: Path, proof: tuple[str, ...]) -> int:
    """Find the package whose move from one lock to another breaks PROOF.

    PROOF is a command that gets the path of a lock as its last argument and exits with 0 when all is well under it, or
    with 125 when that lock cannot be judged. Without one the notebooks are trained under each lock: minutes each time.

    \b
    Examples:
      ftc deps bisect --stack trl --before old.txt --after new.txt
      ftc deps bisect --stack trl --before old.txt --after new.txt -- ./train-under.sh
    """
    from tool.deps import overrides
    from tool.deps.bisect import bisect, command_prover, resolver, training_proof

    old, new = before.read_text(), after.read_text()
    mix = resolver(old, new, overrides(stacks(root, (id,))[0]))
    found = bisect(old, new, mix, command_prover(list(proof) or training_proof(root, id), root))
    if output == "json":
        print_json({"guilty": list(found.packages), "proved": found.proved, "unresolved": found.unresolved})
    else:
        click.echo(f"guilty: {', '.join(found.packages)} ({found.proved} proved, {found.unresolved} told nothing)")
    return 0
