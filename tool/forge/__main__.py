"""`python -m tool.forge`: what the workflows ask of the forge. The token is read from $GH_TOKEN.

python -m tool.forge comment --number 7 --marker "<!-- ftc-verify -->" --body comment.md
python -m tool.forge publish --branch engines/0001-stage-2026.12.0 --message message.txt registry/engines generated
python -m tool.forge stale train.yml=7 canary.yml:schedule=3
"""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tool.errors import BadRequest, FtcError
from tool.forge.client import Forge
from tool.forge.publish import Change, arguments_of, publish
from tool.forge.upsert import comment, last_success


def _arguments(words: list[str] | None) -> argparse.Namespace:
    description, _, examples = (__doc__ or "").partition("\n\n")
    shown = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m tool.forge", description=description, epilog=examples, formatter_class=shown
    )
    parser.add_argument("--repository", default=os.environ.get("GITHUB_REPOSITORY", ""), help="owner/name")
    kinds = parser.add_subparsers(dest="kind", required=True)
    wanted = kinds.add_parser("comment", help="write the one comment of a marker, or bring it up to date")
    wanted.add_argument("--number", type=int, required=True, help="the pull request")
    wanted.add_argument("--marker", required=True, help="what the comment begins with")
    wanted.add_argument("--body", type=Path, required=True, help="file of markdown")
    wanted = kinds.add_parser("publish", help="commit paths to a branch of the bot, push it, open its pull request")
    wanted.add_argument("--branch", required=True)
    wanted.add_argument("--base", default="main")
    wanted.add_argument("--message", type=Path, required=True, help="file: the commit message, its title first")
    wanted.add_argument("--body", type=Path, help="file: the description (default: the message)")
    wanted.add_argument("--author", default=os.environ.get("GITHUB_ACTOR", "ftc"), help="who asked for the change")
    wanted.add_argument("paths", nargs="+")
    wanted = kinds.add_parser("stale", help="name workflows without a success for too long; exit code 1 if any")
    wanted.add_argument("workflows", nargs="+", metavar="FILE[:EVENT]=DAYS")
    return parser.parse_args(words)


def _stale(forge: Forge, wanted: list[str], now: datetime) -> list[str]:
    """A line for each workflow that is overdue. Raises BadRequest for what is no FILE[:EVENT]=DAYS."""
    lines = []
    for each in wanted:
        name, _, days = each.partition("=")
        file, _, event = name.partition(":")
        if not days.isdigit() or not file:
            raise BadRequest("workflow", f"{each!r} is no FILE[:EVENT]=DAYS", "e.g. canary.yml:schedule=3")
        last = last_success(forge, file, event=event or None)
        if last is None or last < now - timedelta(days=int(days)):
            shown = last.strftime("%Y-%m-%dT%H:%M:%SZ") if last else "never"
            lines.append(f"{file}: no success within {days} days (last: {shown})")
    return lines


def _now() -> datetime:
    given = os.environ.get("FTC_NOW")
    return datetime.strptime(given, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC) if given else datetime.now(UTC)


def _run(given: argparse.Namespace) -> int:
    forge = Forge.of_environment(given.repository)
    if given.kind == "comment":
        done = comment(forge, given.number, given.marker, given.body.read_text(encoding="utf-8"))
        print(f"comment {done['id']} is up to date")
        return 0
    if given.kind == "stale":
        lines = _stale(forge, given.workflows, _now())
        print("\n".join(lines), end="\n" if lines else "")
        return 1 if lines else 0
    message = given.message.read_text(encoding="utf-8")
    body = given.body.read_text(encoding="utf-8") if given.body else message
    change = Change(given.branch, given.base, arguments_of(given.paths), message, body, given.author)
    token = os.environ.get("GH_TOKEN") or os.environ.get("GITHUB_TOKEN") or ""
    request = publish(Path.cwd(), change, forge, token)
    print(f"pull request {request['number']}: {request.get('html_url', '')}" if request else "nothing changed")
    return 0


def main(words: list[str] | None = None) -> int:
    """Exit codes: 0 done · 1 stale, or the branch is somebody else's · 2 bad usage, or the forge refused."""
    try:
        return _run(_arguments(words))
    except FtcError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"error: {error.filename or ''}: {error.strerror or error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
