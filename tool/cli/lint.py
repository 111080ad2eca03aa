"""`ftc lint`: read another framework's configuration, and say what is wrong with it and what it costs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from tool.cli.common import json_line, print_json

FORMS = ["text", "json", "jsonl", "sarif", "github"]
NAMES = ["auto", "trl", "axolotl", "llamafactory", "torchtune", "unsloth", "oumi", "ms-swift"]


@click.command("lint")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--framework", type=click.Choice(NAMES), default="auto", show_default=True, help="Whose file it is.")
@click.option("--framework-version", help="Judge keys by this release, e.g. 0.12.2 (default: the newest known).")
@click.option("--gpu", help="Price the run on this card, e.g. RTX-4090.")
@click.option("--gpus", type=click.IntRange(1, 100_000), help="How many cards (default: what the file says, or one).")
@click.option("--platform", help="Price it on a platform's cards, e.g. colab, kaggle.")
@click.option("--plan", help="E.g. free, t4x2 (default: the platform's usual one).")
@click.option("--dataset-rows", type=click.IntRange(min=1), help="Rows of the training set, to judge steps and passes.")
@click.option("--strict", is_flag=True, help="Notes fail the check as well.")
@click.option("--errors-only", is_flag=True, help="Warnings do not fail the check.")
@click.option("--skip-unknown", is_flag=True, help="Pass over files that are no training configuration (for hooks).")
@click.option("--ignore", multiple=True, metavar="RULE", help="Leave a rule out; may be given several times.")
@click.option("--rules", is_flag=True, help="List the rules and end.")
@click.option("--output", type=click.Choice(FORMS), default="text", show_default=True, help="How to print.")
@click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The repository with registry and profiles (default: around the current folder, else the installed one).",
)
def command(files: tuple[Path, ...], rules: bool, **options: Any) -> int:
    """Check configurations of TRL, Axolotl, LLaMA-Factory, torchtune, Unsloth, Oumi and ms-swift.

    Reads YAML, JSON, Python scripts, notebooks and shell scripts; nothing is executed. Finds keys that the framework
    does not know, values that it does not take, contradictions, values far from practice, and runs that do not fit.

    \b
    Examples:
      ftc lint config.yaml
      ftc lint config.yaml --gpu RTX-4090 --dataset-rows 5000
      ftc lint train.py --platform colab --plan free
      ftc lint configs/*.yaml --output sarif > lint.sarif
      ftc lint config.yaml --framework trl --framework-version 0.12.2

    A comment `# ftc-lint: ignore[rule]` silences a rule on its line. Exit codes: 0 nothing found (notes do not count)
    · 1 findings · 2 a file cannot be read.
    """
    if rules:
        return _list_rules()
    if not files:
        raise click.UsageError("name a configuration file")
    reports, faults = _reports(files, options)
    _print(reports, options["output"])
    for fault in faults:
        click.echo(f"error: {fault}", err=True)
    if faults:
        return 2
    failing = ["error"] if options["errors_only"] else ["error", "warning"]
    failing += ["note"] if options["strict"] else []
    return 1 if any(report.count(level) for report in reports for level in failing) else 0


def _list_rules() -> int:
    from tool.lint.catalog import RULES

    width = max(len(name) for name in RULES)
    for name, purpose in RULES.items():
        click.echo(f"{name:<{width}}  {purpose}")
    return 0


def _reports(files: tuple[Path, ...], options: dict[str, Any]) -> tuple[list[Any], list[str]]:
    """(reports, files that cannot be read). Raises BadRequest for options that are wrong for all files."""
    from tool.errors import BadRequest
    from tool.lint.check import Options, check_rules, lint
    from tool.lint.read import NotAConfiguration
    from tool.lint.view import Target

    version = options["framework_version"]
    if version is not None and not re.fullmatch(r"\d+(\.\w+)*", version):
        raise BadRequest("framework-version", f"{version!r} is no release", "write it as in 0.12.2")
    repo, priors = _registry(options["root"])
    target = Target(options["gpu"], options["gpus"], options["platform"], options["plan"], options["dataset_rows"])
    _check_target(repo, target)
    framework = None if options["framework"] == "auto" else options["framework"]
    chosen = Options(framework, version, target, check_rules(options["ignore"]))
    reports, faults = [], []
    for path in files:
        try:
            reports.extend(lint(path, str(path), chosen, repo, priors))
        except NotAConfiguration as error:
            if not options["skip_unknown"]:
                faults.append(f"{path}: {error}")
        except BadRequest as error:
            faults.append(f"{path}: {error}")
        except OSError as error:
            faults.append(f"{path}: {error.strerror or error}")
    return reports, faults


def _registry(root: Path | None) -> tuple[Any, Any]:
    """(repository, priors); (None, None) where no registry is at hand, which costs the rules that need one."""
    from tool.lint.registry import registry_root
    from tool.load import open_repo
    from tool.priors import load_priors

    found = root.resolve() if root else registry_root(Path.cwd())
    if found is None:
        click.echo("note: no registry here, so practice and memory are not judged; name one with --root", err=True)
        return None, None
    repo = open_repo(found)
    return repo, load_priors(repo)


def _check_target(repo: Any, target: Any) -> None:
    """Wrong names of cards and plans are an error of the command, not of each file."""
    from tool.errors import BadRequest
    from tool.load.gpu_names import find_gpu
    from tool.load.platform_names import find_plan

    if target.plan is not None and target.platform is None:
        raise BadRequest("plan", "a plan needs a platform", "add --platform")
    if repo is None:
        return
    if target.gpu is not None:
        find_gpu(repo, target.gpu)
    if target.platform is not None:
        find_plan(repo, target.platform, target.plan)


def _print(reports: list[Any], form: str) -> None:
    from tool.lint import output
    from tool.lint.sarif import sarif

    if form == "json":
        print_json([output.plain(report) for report in reports])
    elif form == "jsonl":
        for report in reports:
            click.echo(json_line(output.plain(report)))
    elif form == "sarif":
        print_json(sarif(reports, _version()))
    elif form == "github":
        for report in reports:
            for line in output.github(report):
                click.echo(line)
    elif reports:
        for report in reports:
            for line in output.text(report):
                click.echo(line)
        click.echo(output.summary(reports))


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("open-finetune-config")
    except PackageNotFoundError:
        return "0"
