"""`ftc deps`: resolve the dependency stacks into hashed locks, and tell what moved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tool.cli.common import common_options, print_json, progress
from tool.cli.deps_common import print_moved, print_moves, stacks
from tool.cli.deps_moves import adopt_pins, bisect_locks, update_pins


@click.group("deps")
def command() -> None:
    """Resolve dependency stacks into locks (profiles/dependencies/locks), and check those that are there."""


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
    from tool.generate.write import replace_file

    report: dict[str, dict[str, Any]] = {}
    with progress(stacks(root, ids), "resolving") as todo:
        for stack in todo:
            path = root / lock_path(stack.id)
            before = path.read_text() if path.is_file() else ""
            after = resolve(stack)
            changed = after != before
            if write and changed:
                replace_file(path, after.encode())
            report[stack.id] = {"changed": changed, "written": write and changed, "moved": moved(before, after)}
    print_moves(report, output)
    return 0


@command.command("check")
@common_options
@click.option("--stack", "ids", multiple=True, help="A stack of profiles/dependencies (default: all).")
@click.option("--offline", is_flag=True, help="Only compare locks with their pins; ask no package index.")
def check(root: Path, output: str, ids: tuple[str, ...], offline: bool) -> int:
    """Tell whether each lock belongs to its pins, what newer releases would move within the stack's ranges, and which
    known clashes apply.

    Exit code 1 when a lock is missing or belongs to other pins; what would move is only told.

    \b
    Examples:
      ftc deps check --offline
      ftc deps check --stack trl --output json
    """
    from tool.deps import applying_clashes, lock_path, lock_problems, moved
    from tool.deps.update import update

    report: dict[str, dict[str, Any]] = {}
    with progress(stacks(root, ids), "checking") as todo:
        for stack in todo:
            path = root / lock_path(stack.id)
            text = path.read_text() if path.is_file() else ""
            clashes = [clash.model_dump(include={"id", "effect", "mend"}) for clash in applying_clashes(stack, text)]
            would_move = {} if offline else moved(text, update(stack).lock)
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
        print_moved(found["would_move"])


command.add_command(update_pins)
command.add_command(adopt_pins)
command.add_command(bisect_locks)
