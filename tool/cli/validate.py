"""`ftc validate`: load everything; print every fault."""

from __future__ import annotations

from pathlib import Path

import click

from tool.cli.common import common_options, print_json


@click.command("validate")
@common_options
def command(root: Path, output: str) -> int:
    """Load every file of the repository and print every fault, with file, line, field and mend.

    \b
    Examples:
      ftc validate
      ftc validate --output json
    """
    from evaluation.readable import proof_faults
    from tool.errors import InputFaults
    from tool.govern.readable import governed_faults
    from tool.validation import validate

    counts, faults = validate(root)
    faults = sorted({*faults, *governed_faults(root), *proof_faults(root)})
    if output == "json":
        print_json({"counts": counts, "faults": [vars(fault) for fault in faults]})
        return 2 if faults else 0
    if faults:
        raise InputFaults(faults)
    click.echo("valid: " + ", ".join(f"{count} {noun}" for noun, count in counts.items()))
    return 0
