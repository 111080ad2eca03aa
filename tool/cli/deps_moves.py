"""`ftc deps update`, `adopt` and `bisect`: move pins within their ranges, and find what a move broke."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tool.cli.common import common_options, print_json, progress
from tool.cli.deps_common import print_moves, stacks
from tool.cli.govern_common import clock

if TYPE_CHECKING:
    from tool.deps.moves import Move
    from tool.schema.dependency import Stack


@click.command("update")
@common_options
@clock
@click.option("--stack", "ids", multiple=True, help="A stack of profiles/dependencies (default: all with ranges).")
@click.option("--write", is_flag=True, help="Write pins and locks; without it only what would move is shown.")
@click.option("--body", type=click.Path(dir_okay=False, path_type=Path), help="Write what moved as markdown here.")
@click.option(
    "--proposal",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write what moved into this folder, for `ftc deps adopt` on another machine.",
)
def update_pins(
    root: Path,
    output: str,
    now: datetime,
    ids: tuple[str, ...],
    write: bool,
    body: Path | None,
    proposal: Path | None,
) -> int:
    """Take the newest versions within each stack's ranges, among what was published before today, and lock them.

    A stack whose pins and lock stay as they are keeps its day. What is written resolves on Python 3.11, 3.12 and 3.13.
    Needs uv and a package index.

    \b
    Examples:
      ftc deps update
      ftc deps update --stack trl --write
    """
    from tool.deps.moves import files_of, markdown, move_of
    from tool.deps.proposal import NAME, written
    from tool.generate.write import replace_file

    day = f"{now:%Y-%m-%d}"
    moves: list[Move] = []
    files: dict[str, str] = {}
    with progress(_ranged(root, ids), "updating") as todo:
        for stack in todo:
            moves.append(move_of(root, stack, day))
            made = files_of(root, moves[-1]) if write or proposal else {}
            files |= made
            if write:
                _put(root, made)
    print_moves(_report(moves, write), output)
    if body:
        replace_file(body.resolve(), markdown(moves).encode())
    if proposal and files:
        replace_file(proposal.resolve() / NAME, written(day, files))
    return 0


@click.command("adopt")
@common_options
@clock
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--write", is_flag=True, help="Write pins and locks; without it only what would move is shown.")
@click.option("--body", type=click.Path(dir_okay=False, path_type=Path), help="Write what moved as markdown here.")
def adopt_pins(root: Path, output: str, now: datetime, folder: Path, write: bool, body: Path | None) -> int:
    """Take over what `ftc deps update --proposal FOLDER` wrote elsewhere, if it is what this repository resolves to.

    Nothing in FOLDER is trusted: it may hold pins and locks of stacks with ranges alone, and each must equal, byte for
    byte, what the index resolves to for its day. No package is installed or run. Needs uv and a package index.

    \b
    Examples:
      ftc deps adopt proposal
      ftc deps adopt proposal --write --body moved.md
    """
    from tool.deps.moves import markdown
    from tool.deps.proposal import adopted
    from tool.generate.write import replace_file

    moves, files = adopted(root, folder, _ranged(root, ()), f"{now:%Y-%m-%d}")
    if write:
        _put(root, files)
    print_moves(_report(moves, write), output)
    if body:
        replace_file(body.resolve(), markdown(moves).encode())
    return 0


def _ranged(root: Path, ids: tuple[str, ...]) -> list[Stack]:
    """The stacks that were named, or all, as far as they have ranges to move within."""
    return [stack for stack in stacks(root, ids) if stack.ranges]


def _put(root: Path, files: dict[str, str]) -> None:
    from tool.generate.write import replace_file

    for path, text in files.items():
        replace_file(root / path, text.encode())


def _report(moves: list[Move], write: bool) -> dict[str, dict[str, Any]]:
    return {
        move.stack.id: {
            "pins": move.updated.moved_pins(move.stack),
            "changed": bool(move.packages),
            "moved": move.packages,
            "clashes": list(move.clashes),
            "written": bool(move.packages) and write,
        }
        for move in moves
    }


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
