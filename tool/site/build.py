"""All files of the page."""

from __future__ import annotations

from dataclasses import astuple
from functools import partial
from itertools import groupby
from pathlib import Path

from tool.load import Repo
from tool.memo import Memo, remembered_files
from tool.recommend import Knowledge
from tool.site.answers import answer_files
from tool.site.changes import changes_file, subjects
from tool.site.chunk import FOLDER
from tool.site.core import core_file
from tool.site.evidence import priors_file
from tool.site.exports import Texts, exports_of
from tool.site.governance import governance_file
from tool.site.listed import Listed
from tool.site.needs import needs_files
from tool.site.texts import Shared

PAGE = Path(__file__).resolve().parent.parent / "templates" / "site"


def site_files(
    repo: Repo,
    knowledge: Knowledge,
    listed: list[Listed],
    texts: Texts,
    shared: Shared,
    jobs: int = 1,
    backend: str = "fork",
    memo: Memo | None = None,
) -> dict[str, bytes]:
    """The page and its data: path → bytes. Pure, like the plan that it is a part of; `jobs` processes share it.

    `texts` gives an answer's configuration or script for each framework, as the command exports it, and
    `shared` the lines that scripts have in common. `memo`: what earlier runs made and nothing changed for (tool.memo).
    """
    asked = [astuple(subject) for subject in subjects(listed)]
    return {
        **page_files(),
        **core_file(repo, listed, memo),
        **shared.file(),
        **_remembered_answers(repo, listed, texts, shared, jobs, backend, memo),
        **needs_files(repo, knowledge, jobs, backend, memo),
        **priors_file(knowledge.priors),
        **governance_file(repo),
        **remembered_files(memo, "site/changes", lambda: changes_file(repo, knowledge, listed), asked),
    }


def _remembered_answers(
    repo: Repo, listed: list[Listed], texts: Texts, shared: Shared, jobs: int, backend: str, memo: Memo | None
) -> dict[str, bytes]:
    """The files of each model and task, made again when one of their answers changed."""
    groups = {
        f"site/answers/{'/'.join(key)}": [*those] for key, those in groupby(sorted(listed, key=_group), key=_group)
    }
    given = {
        name: [shared.digest, *([item.slug, item.row, item.digest] for item in those)] for name, those in groups.items()
    }
    stale = [those for name, those in groups.items() if memo is None or memo.find(name, given[name]) is None]
    asked = [item for those in stale for item in those if item.fits]
    exports = exports_of(repo, asked, texts, shared, jobs, backend, memo)
    files: dict[str, bytes] = {}
    for name, those in groups.items():
        files |= remembered_files(memo, name, partial(answer_files, those, exports), given[name])
    return files


def _group(item: Listed) -> tuple[str, str]:
    return item.row["model"], item.row["task"]


def page_files() -> dict[str, bytes]:
    """Markup, style and scripts, as they are written."""
    return {FOLDER + file.name: file.read_bytes() for file in sorted(PAGE.iterdir()) if file.is_file()}
