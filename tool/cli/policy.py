"""`ftc policy`: list the rules, and run their own tests."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from tool.cli.common import common_options, print_json
from tool.cli.govern_common import clock, formats


@click.group("policy")
def command() -> None:
    """The rules that decide, as data under policies/."""


@command.command("test")
@common_options
def test(root: Path, output: str) -> int:
    """Run the policies' own tests, in a process with bounds on memory and time.

    Every validation must be shown to pass by one case and to fail by another.
    """
    from tool.errors import NothingEvaluated
    from tool.policy.files import read_policies
    from tool.policy.sandbox import run_tests_in_child

    run = run_tests_in_child(read_policies(root))
    if not run.results:
        raise NothingEvaluated("policies/: there is no policy test to run")
    failures = run.failures
    if output == "json":
        print_json(
            {
                "cases": len(run.results),
                "failures": [
                    {"policy": r.policy, "case": r.case, "expected": r.expected, "got": r.got, "problem": r.problem}
                    for r in failures
                ],
                "uncovered": list(run.uncovered),
            }
        )
    else:
        for result in failures:
            click.echo(f"failed: {result.policy}: {result.case}: {result.problem}", err=True)
        for line in run.uncovered:
            click.echo(f"untested: {line}", err=True)
        policies = len({result.policy for result in run.results})
        click.echo(f"{len(run.results)} cases of {policies} policies: {len(failures)} failed")
    return 1 if failures or run.uncovered else 0


@command.command("list")
@clock
@formats("text", "json", "markdown")
def list_(now: datetime, root: Path, output: str) -> int:
    """List every rule with its level and purpose, and every waiver with the days that it has left.

    An expired waiver, or one that the rules refuse, ends with exit code 1.
    """
    from tool.policy import load_policies, read_policies
    from tool.policy.waivers import judge_waivers, load_waivers

    files = read_policies(root)
    policies = load_policies(files)
    judged = judge_waivers(load_waivers(files), policies, now)
    if output == "markdown":
        from tool.policy.reference import reference_page

        click.echo(reference_page(policies), nl=False)
    elif output == "json":
        print_json({"policies": [_plain(policies, p) for p in policies.all()], "waivers": [_waiver(w) for w in judged]})
    else:
        _print(policies, judged)
    return 0 if all(each.valid for each in judged) else 1


def _plain(policies: Any, policy: Any) -> dict[str, Any]:
    return {"area": policies.area(policy.id), **policy.model_dump(mode="json")}


def _waiver(judged: Any) -> dict[str, Any]:
    problems = [outcome.message for outcome in judged.outcomes if outcome.status != "pass"]
    return {
        **judged.waiver.model_dump(mode="json"),
        "days_left": round(judged.days_left, 1),
        "valid": judged.valid,
        "problems": problems,
    }


def _print(policies: Any, judged: list[Any]) -> None:
    area = ""
    for policy in sorted(policies.all(), key=lambda each: (policies.area(each.id), each.id)):
        if policies.area(policy.id) != area:
            area = policies.area(policy.id)
            click.echo(f"{area}:")
        click.echo(f"  {policy.id:<36} {policy.level:<9} {policy.purpose}")
    click.echo("waivers:" if judged else "no waivers")
    for each in judged:
        shown = _waiver(each)
        state = f"{shown['days_left']} days left" if each.valid else f"refused: {'; '.join(shown['problems'])}"
        click.echo(f"  {shown['id']:<36} {shown['gate']}: {state}")
