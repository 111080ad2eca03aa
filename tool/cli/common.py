"""What all commands share: --root and --output, printing of faults, and exit codes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from tool.errors import BadRequest, FtcError, InputFaults
from tool.work import cores

F = TypeVar("F", bound=Callable[..., Any])


def common_options(command: F) -> F:
    """Add --root and --output. The command receives `root: Path` and `output: str`."""
    return _options(command, ["text", "json"])


def jobs_option(command: F) -> F:
    """`--jobs`, one process for each core unless told otherwise."""
    number, told = click.IntRange(min=1), "one for each core"
    return click.option("--jobs", default=cores, show_default=told, type=number, help="Processes to share the work.")(
        command
    )


def batch_options(command: F) -> F:
    """Like `common_options`, for commands that answer files of requests: jsonl is the form of those answers."""
    return _options(command, ["text", "json", "jsonl"])


def _options(command: F, forms: list[str]) -> F:
    output = click.option("--output", type=click.Choice(forms), default="text", show_default=True, help="How to print.")
    root = click.option(
        "--root",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        callback=_root,
        help="The repository (default: the one that contains the current folder).",
    )
    return root(output(command))


def _root(context: click.Context, parameter: click.Parameter, value: Path | None) -> Path:
    from tool.load import find_root

    return value.resolve() if value else find_root(Path.cwd())


def print_json(value: Any) -> None:
    """One JSON document on stdout, sorted keys, UTF-8 as it is."""
    click.echo(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False))


def print_answer(value: Any, output: str) -> None:
    """One answer as a JSON document, or on one line for `jsonl`."""
    if output == "jsonl":
        click.echo(json_line(value))
    else:
        print_json(value)


def json_line(value: Any) -> str:
    """One line of JSON Lines."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def progress(items: Any, label: str, length: int | None = None) -> Any:
    """A progress bar on stderr; none when stderr is no terminal. Use as a context manager."""
    return click.progressbar(items, label=label, length=length, file=sys.stderr, hidden=not sys.stderr.isatty())


def run(command: click.Command, arguments: list[str] | None) -> int:
    """Run a click command and turn every expected failure into a message and an exit code."""
    try:
        result = command.main(args=arguments, prog_name="ftc", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        return 130
    except InputFaults as error:
        _show_faults(error)
        return error.exit_code
    except (BadRequest, FtcError) as error:
        click.echo(f"error: {error}", err=True)
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except OSError as error:
        click.echo(f"error: {error.filename or ''}: {error.strerror or error}", err=True)
        return 2


def _show_faults(error: InputFaults) -> None:
    for fault in error.faults:
        click.echo(f"error: {fault}", err=True)
    count = len(error.faults)
    click.echo(f"{count} fault{'s' if count != 1 else ''} found; nothing was written", err=True)
