"""All files of the page."""

from __future__ import annotations

from pathlib import Path

from tool.load import Repo
from tool.recommend import Knowledge
from tool.site.answers import answer_files
from tool.site.changes import changes_file
from tool.site.chunk import FOLDER
from tool.site.core import core_file
from tool.site.evidence import priors_file
from tool.site.governance import governance_file
from tool.site.listed import Listed
from tool.site.needs import needs_file

PAGE = Path(__file__).resolve().parent.parent / "templates" / "site"


def site_files(
    repo: Repo, knowledge: Knowledge, listed: list[Listed], jobs: int = 1, backend: str = "loky"
) -> dict[str, bytes]:
    """The page and its data: path → bytes. Pure, like the plan that it is a part of; `jobs` processes share it."""
    return {
        **page_files(),
        **core_file(repo, listed),
        **answer_files(repo, listed),
        **needs_file(repo, knowledge, jobs, backend),
        **priors_file(knowledge.priors),
        **governance_file(repo),
        **changes_file(repo, knowledge, listed),
    }


def page_files() -> dict[str, bytes]:
    """Markup, style and scripts, as they are written."""
    return {FOLDER + file.name: file.read_bytes() for file in sorted(PAGE.iterdir()) if file.is_file()}
