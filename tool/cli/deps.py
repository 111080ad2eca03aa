"""`ftc deps`: resolve the dependency stacks into hashed locks, and tell what moved."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tool.cli.common import common_options, print_json, progress

if TYPE_CHECKING:
    from tool.schema.dependency import Stack


@click.group("deps")
def command() -> None:
    """Resolve dependency stacks into locks (profiles/dependencies/locks), and check those that are there."""


def _stacks(root: Path, ids: tuple[str, ...]) -> list[Stack]:
    from tool.load import open_repo

    repo = open_repo(root)
    return [repo.stacks.find(id, "stack") for id in ids] if ids else list(repo.stacks)


def _replace(path: Path, text: str) -> None:
    """Write in one step, so that a kill leaves the old lock or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".lock-")
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@command.command("lock")
@common_options
@click.option("--stack", "ids", multiple=True, help="A stack of profiles/dependencies (default: all).")
@click.option("--write", is_flag=True, help="Write the locks; without it only what would change is shown.")
def lock(root: Path, output: str, ids: tuple[str, ...], write: bool) -> int:
    """Resolve pins into hashed locks, as of each stack's own day. Needs uv and a package index.

    \b
    Examples:
      ftc deps lock
      ftc deps lock --stack trl --write
    """
    from tool.deps import lock_path, moved, resolve

    report: dict[str, dict[str, Any]] = {}
    with progress(_stacks(root, ids), "resolving") as todo:
        for stack in todo:
            path = root / lock_path(stack.id)
            before = path.read_text() if path.is_file() else ""
            after = resolve(stack)
            changed = after != before
            if write and changed:
                _replace(path, after)
            report[stack.id] = {"changed": changed, "written": write and changed, "moved": moved(before, after)}
    _print_locks(report, output)
    return 0


def _print_locks(report: dict[str, dict[str, Any]], output: str) -> None:
    if output == "json":
        print_json(report)
        return
    for id, found in report.items():
        state = "written" if found["written"] else "would change" if found["changed"] else "unchanged"
        click.echo(f"{id}: {state}")
        _print_moved(found["moved"])


def _print_moved(packages: dict[str, tuple[str, str]]) -> None:
    for name, (old, new) in packages.items():
        click.echo(f"  {name}: {old or 'absent'} -> {new or 'absent'}")


@command.command("check")
@common_options
@click.option("--stack", "ids", multiple=True, help="A stack of profiles/dependencies (default: all).")
@click.option("--offline", is_flag=True, help="Only compare locks with their pins; ask no package index.")
def check(root: Path, output: str, ids: tuple[str, ...], offline: bool) -> int:
    """Tell whether each lock belongs to its pins, what newer releases would move, and which known clashes apply.

    Exit code 1 when a lock is missing or belongs to other pins; what would move is only told.

    \b
    Examples:
      ftc deps check --offline
      ftc deps check --stack trl --output json
    """
    from tool.deps import applying_clashes, lock_path, lock_problems, moved, resolve

    report: dict[str, dict[str, Any]] = {}
    with progress(_stacks(root, ids), "checking") as todo:
        for stack in todo:
            path = root / lock_path(stack.id)
            text = path.read_text() if path.is_file() else ""
            clashes = [clash.model_dump(include={"id", "effect", "mend"}) for clash in applying_clashes(stack, text)]
            would_move = {} if offline else moved(text, resolve(stack, newest=True))
            report[stack.id] = {"problems": lock_problems(root, stack), "would_move": would_move, "clashes": clashes}
    if output == "json":
        print_json(report)
    else:
        _print_check(report)
    return 1 if any(found["problems"] for found in report.values()) else 0


def _print_check(report: dict[str, dict[str, Any]]) -> None:
    for id, found in report.items():
        click.echo(f"{id}: {'needs a new lock' if found['problems'] else 'current'}")
        for problem in found["problems"]:
            click.echo(f"  {problem}")
        for clash in found["clashes"]:
            click.echo(f"  mind {clash['id']}: {clash['effect']} ({clash['mend']})")
        _print_moved(found["would_move"])


@command.command("bisect")
@common_options
@click.option("--stack", "id", required=True, help="The stack of profiles/dependencies whose lock moved.")
@click.option("--before", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--after", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("proof", nargs=-1, required=True)
def bisect_locks(root: Path, output: str, id: str, before: Path, after: Path, proof: tuple[str, ...]) -> int:
    """Find the package whose move from one lock to another breaks PROOF.

    PROOF is a command that gets the path of a lock as its last argument and exits with 0 when all is well under it.

    \b
    Example:
      ftc deps bisect --stack trl --before old.txt --after new.txt -- ./train-under.sh
    """
    from tool.deps import overrides
    from tool.deps.bisect import bisect, command_prover, resolver

    old, new = before.read_text(), after.read_text()
    mix = resolver(old, new, overrides(_stacks(root, (id,))[0]))
    found = bisect(old, new, mix, command_prover(list(proof)))
    if output == "json":
        print_json({"guilty": list(found.packages), "proved": found.proved, "unresolved": found.unresolved})
    else:
        click.echo(f"guilty: {', '.join(found.packages)} ({found.proved} proved, {found.unresolved} do not resolve)")
    return 0
