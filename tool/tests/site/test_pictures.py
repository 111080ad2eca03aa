"""The pictures of the README, and what the Pages workflow publishes."""

from __future__ import annotations

import re
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import yaml

from tool.load import open_repo
from tool.recommend import recommend
from tool.recommend.knowledge import current_knowledge
from tool.schema.recommendation import RecommendRequest
from tool.site.build import page_files
from tool.site.pictures import BARS, EXAMPLE, pictures
from tool.tests.conftest import ROOT

WORKFLOW = ROOT / ".github/workflows/pages.yml"


@pytest.fixture(scope="module")
def drawn() -> dict[str, bytes]:
    repo = open_repo(ROOT)
    return pictures(repo, current_knowledge(repo))


def test_the_pictures_are_what_the_repository_draws(drawn: dict[str, bytes]) -> None:
    """`make pictures` would change nothing."""
    assert [path for path, content in drawn.items() if (ROOT / path).read_bytes() != content] == []


def test_the_readme_shows_every_picture_in_words_as_well(drawn: dict[str, bytes]) -> None:
    """Each picture is embedded once, with a text for those who do not see it."""
    shown = dict(re.findall(r"!\[([^\]]{20,})\]\(([^)]+\.svg)\)", (ROOT / "README.md").read_text()))
    assert sorted(shown.values()) == sorted(drawn)


def test_pictures_are_well_formed_and_read_in_the_dark(drawn: dict[str, bytes]) -> None:
    """XML with a title, nothing from elsewhere, colours for both themes, and text inside of the frame."""
    for content in drawn.values():
        tree = ElementTree.fromstring(content)
        width, height = (float(tree.attrib[name]) for name in ("width", "height"))
        assert tree.find("{http://www.w3.org/2000/svg}title") is not None
        assert b"prefers-color-scheme:dark" in content and b"href" not in content
        for text in tree.iter("{http://www.w3.org/2000/svg}text"):
            assert 0 < float(text.attrib["x"]) < width and 0 < float(text.attrib["y"]) < height


def test_memory_bars_have_the_numbers_of_the_command(drawn: dict[str, bytes]) -> None:
    """Bound and card beside each bar are those of `ftc recommend`."""
    repo = open_repo(ROOT)
    for adapter, platform, plan in BARS:
        request = {"model": EXAMPLE, "task": "instruction_following", "adapter": adapter}
        asked = RecommendRequest.model_validate({**request, "platform": platform, "plan": plan})
        vram = recommend(repo, asked, current_knowledge(repo)).vram
        assert vram is not None
        told = f"{vram.upper_gib:.1f} of {vram.usable_gib:.1f} GiB"
        assert told in drawn[".github/docs/memory.svg"].decode()


def test_the_workflow_publishes_the_page_beside_its_notebooks(tmp_path: Path) -> None:
    """The step as it stands: an entry page, the page, its notebooks, and the repository's name in it."""
    steps = yaml.safe_load(WORKFLOW.read_text())["jobs"]["gather"]["steps"]
    script = next(step["run"] for step in steps if "repository.js" in step.get("run", ""))
    for path, content in {**page_files(), "generated/notebooks/a/b.ipynb": b"{}"}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    environment = {"REPOSITORY": "someone/their-configs", "PATH": "/usr/bin:/bin"}
    subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path, env=environment, check=True)
    pages = tmp_path / "pages"
    assert 'content="0; url=site/"' in (pages / "index.html").read_text()
    assert (pages / "site/repository.js").read_text() == 'window.ftcRepository = "someone/their-configs";\n'
    assert (pages / "site/index.html").is_file() and (pages / "notebooks/a/b.ipynb").is_file()


def test_the_workflow_may_publish_and_nothing_else() -> None:
    """No permission at the top; the job that reads cannot publish, the one that publishes cannot read or write code."""
    workflow = yaml.safe_load(WORKFLOW.read_text())
    assert workflow["permissions"] == {}
    assert workflow["jobs"]["gather"]["permissions"] == {"contents": "read"}
    assert workflow["jobs"]["deploy"]["permissions"] == {"pages": "write", "id-token": "write"}
    assert all(re.search(r"@[0-9a-f]{40} # v", line) for line in WORKFLOW.read_text().splitlines() if "uses:" in line)
