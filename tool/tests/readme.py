"""The README's examples are real: `python -m tool.tests.readme` writes their output, a test holds them to it."""

from __future__ import annotations

import io
import re
import shlex
from contextlib import redirect_stdout

from tool.tests.conftest import ROOT

README = ROOT / "README.md"
EXAMPLE = re.compile(r"(<!-- output: ftc (?P<command>.*?) -->\n```console\n)(?P<output>.*?)(```\n)", re.DOTALL)


def run(command: str) -> str:
    """What `ftc COMMAND` prints on stdout, with the command line above it."""
    from tool.cli import cli
    from tool.cli.common import run as run_command

    out = io.StringIO()
    with redirect_stdout(out):
        run_command(cli, [*shlex.split(command), "--root", str(ROOT)])
    shown = command.replace(" --task", " \\\n    --task").replace(" --gpu", " \\\n    --gpu")
    return f"$ ftc {shown}\n{out.getvalue()}"


def refreshed(text: str) -> str:
    """The README with every example's output as it is now."""
    return EXAMPLE.sub(lambda found: f"{found[1]}{run(found['command'])}{found[4]}", text)


if __name__ == "__main__":
    README.write_text(refreshed(README.read_text()))
