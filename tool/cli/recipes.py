"""`ftc recipes`: what normalisation made of the registry's recipes, or of a user's own file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tool.cli.common import common_options, print_json


@click.command()
@common_options
@click.option(
    "--file",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Read this JSONL file instead of the registry (may be given several times).",
)
@click.option("--schema", help="Schema of rows that name none (default: recognised by their keys).")
@click.option("--rows", is_flag=True, help="Print the canonical recipes as well.")
@click.option("--include-reserved", is_flag=True, help="Count recipes kept for the golden set as ordinary ones.")
def command(
    root: Path, output: str, files: tuple[Path, ...], schema: str | None, rows: bool, include_reserved: bool
) -> int:
    """Normalise published configurations and account for every row.

    Exits with 2 when a row of --file cannot be: no JSON, an impossible value, a schema that nobody knows.
    """
    from tool.recipes import load_recipes, read_recipes, recipes_report
    from tool.recipes.schemas import names

    if schema is not None and schema not in names():
        from tool.errors import BadRequest

        raise BadRequest("--schema", f"unknown schema {schema!r}", f"known: {', '.join(names())}")
    if files:
        found = read_recipes([(path, str(path)) for path in files], schema=schema)
    else:
        found = load_recipes(root, include_reserved)
    report = recipes_report(found)
    if rows:
        report["canonical"] = [_plain(recipe) for recipe in found.recipes]
    if output == "json":
        print_json(report)
    else:
        _print(report, bool(files))
    unusable = [item for item in found.rejected if item.rejection.kind != "out_of_scope"]
    if files and not found.rows:
        return 3
    return 2 if files and unusable else 0


def _plain(recipe: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return {key: value for key, value in asdict(recipe).items() if value is not None}


def _print(report: dict[str, Any], every_fault: bool) -> None:
    share = report["accepted_share_of_in_scope"]
    click.echo(f"rows        {report['rows']:>6}")
    click.echo(f"in scope    {report['in_scope']:>6}")
    click.echo(
        f"accepted    {report['accepted']:>6}" + (f"  ({share:.1%} of those in scope)" if share is not None else "")
    )
    for key in ("duplicates", "reserved", "rejected", "recipes"):
        click.echo(f"{key:<12}{report[key]:>6}")
    click.echo("\nby schema           rows  accepted")
    for name, counts in report["by_schema"].items():
        click.echo(f"  {name:<18}{counts['rows']:>5}{counts['accepted']:>10}")
    if report["rejected_by_reason"]:
        click.echo("\nrejected, by reason")
    for reason, count in report["rejected_by_reason"].items():
        click.echo(f"  {count:>5}  {reason}")
    mark = "error" if every_fault else "note"
    for item in report["rejections"]:
        if every_fault or item["kind"] != "out_of_scope":
            field = f" {item['field']}:" if item["field"] else ""
            text = item["message"] or item["reason"]
            mend = f" ({item['mend']})" if item["mend"] else ""
            click.echo(f"{mark}: {item['file']}:{item['line']}:{field} {text}{mend}", err=True)
    for recipe in report.get("canonical", ()):
        click.echo(str(recipe))
