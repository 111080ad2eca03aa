"""`ftc`: parse, call, print. Each command is a module of its own, imported only when it is used."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

COMMANDS = {
    "validate": "tool.cli.validate",
    "recommend": "tool.cli.recommend",
    "fit": "tool.cli.fit",
    "lint": "tool.cli.lint",
    "generate": "tool.cli.generate",
    "diff": "tool.cli.diff",
    "recipes": "tool.cli.recipes",
    "train": "tool.cli.train",
    "policy": "tool.cli.policy",
    "evaluate": "tool.cli.evaluate",
    "promote": "tool.cli.promote",
    "canary": "tool.cli.canary",
    "rollback": "tool.cli.rollback",
    "hold": "tool.cli.hold",
    "status": "tool.cli.status",
    "history": "tool.cli.history",
    "verify": "tool.cli.verify",
    "doctor": "tool.cli.doctor",
    "deps": "tool.cli.deps",
    "telemetry": "tool.cli.telemetry",
    "retrain": "tool.cli.retrain",
}


class LazyGroup(click.Group):
    """A group whose commands are imported on use, so that one command never pays for another."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[name]).command
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(package_name="open-finetune-config", prog_name="ftc")
def cli() -> None:
    """Recommend fine-tuning configurations from facts in git, and govern how the answers change."""


def main(arguments: list[str] | None = None) -> Any:
    """Entry point. Expected failures end in one clear message and the exit code of the design."""
    from tool.cli.common import run

    sys.exit(run(cli, arguments))
