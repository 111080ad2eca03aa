"""All files of the page."""

from __future__ import annotations

from dataclasses import astuple
from functools import partial
from itertools import groupby
from pathlib import Path

from tool.load import Repo
from tool.memo import Memo, remembered_files
from tool.recommend import Knowledge
from tool.site.answers import Texts, answer_files
from tool.site.changes import changes_file, subjects
from tool.site.chunk import FOLDER
from tool.site.core import core_file
from tool.site.evidence import priors_file
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
    jobs: int = 1,
    backend: str = "loky",
    memo: Memo | None = None,
) -> dict[str, bytes]:
    """The page and its data: path → bytes. Pure, like the plan that it is a part of; `jobs` processes share it.

    `texts` gives an answer's configuration or script for each framework, as the command exports it. `memo`: what
    earlier runs made and nothing changed for (tool.memo).
    """
    shared = Shared.read()
    asked = [astuple(subject) for subject in subjects(listed)]
    return {
        **page_files(),
        **core_file(repo, listed),
        **shared.file(),
        **_remembered_answers(listed, texts, shared, memo),
        **needs_files(repo, knowledge, jobs, backend, memo),
        **priors_file(knowledge.priors),
        **governance_file(repo),
        **remembered_files(memo, "site/changes", lambda: changes_file(repo, knowledge, listed), asked),
    }


def _remembered_answers(listed: list[Listed], texts: Texts, shared: Shared, memo: Memo | None) -> dict[str, bytes]:
    """The files of each model and task, made again when one of their answers changed."""
    if memo is None:
        return answer_files(listed, texts, shared)
    files: dict[str, bytes] = {}
    for (model, task), items in groupby(sorted(listed, key=_group), key=_group):
        mine = list(items)
        answers = [[item.slug, item.row, item.answer.model_dump(mode="json")] for item in mine]
        make = partial(answer_files, mine, texts, shared, memo)
        files |= remembered_files(memo, f"site/answers/{model}/{task}", make, [shared.digest, answers])
    return files


def _group(item: Listed) -> tuple[str, str]:
    return item.row["model"], item.row["task"]


def page_files() -> dict[str, bytes]:
    """Markup, style and scripts, as they are written."""
    return {FOLDER + file.name: file.read_bytes() for file in sorted(PAGE.iterdir()) if file.is_file()}
