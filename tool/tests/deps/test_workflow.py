"""The workflow of updates as it stands, run by act, with a local index beside the real one (needs an index).

Each proof of a lock makes the environment anew from its hashes and trains one real notebook, so that minutes suffice.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tool.deps import locked
from tool.tests.deps import wheels
from tool.tests.notebooks import harness
from tool.tests.workflows import stubs
from tool.tests.workflows.act import JOB_TOKEN, Stage, build
from tool.tests.workflows.conftest import NOW, ftc

pytestmark = pytest.mark.prove

LOCK = "profiles/dependencies/locks/trl.txt"
FINE = ("certifi", "filelock", "shellingham")
CULPRIT = "tqdm"
FORGER = """
import json, os, pathlib

_made = pathlib.Path(os.environ["RUNNER_TEMP"]) / "proposal" / "proposal.json"
_seen = pathlib.Path({seen!r})
if _made.is_file() and not _seen.exists():
    _document = json.loads(_made.read_text())
    _document["files"][".github/workflows/gates.yml"] = "on: push"
    _document["files"]["../../../outside"] = "written by a package"
    _made.write_text(json.dumps(_document))
    _seen.write_text("\\n".join(sorted(f"{{name}}={{value}}" for name, value in os.environ.items())))
"""
"""What a hostile package does as soon as the training imports it: it hands over another change."""
CATALOG = {
    "groups": [
        {"models": ["Qwen/Qwen2.5-7B"], "tasks": ["chat"], "platforms": ["colab/free"], "adapters": ["lora", "qlora"]}
    ]
}
"""Few notebooks, so that regenerating them takes a second."""


def ground(root: Path) -> None:
    """A small catalogue, and stacks that hold the newest of today already."""
    (root / "profiles/catalog.yaml").write_text(yaml.safe_dump(CATALOG))
    ftc(root, "deps", "update", "--write")
    ftc(root, "generate")


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = build(tmp_path / "stage", NOW, ground)
    passed = {
        name: os.environ[name] for name in ("UV_CACHE_DIR", "SSL_CERT_FILE", "SSL_CERT_DIR") if name in os.environ
    }
    made.environment |= {"UV_CACHE_DIR": str(Path.home() / ".cache/uv")} | passed
    made.environment["PYTEST_ADDOPTS"] = "-k classification-full-bert"
    yield made
    made.forge.close()


def offer(stage: Stage, culprit: str | None, hostile: str = "") -> None:
    """Newer packages than the locks hold: all fine, or one that breaks whatever imports it, or one with more code."""
    index = stage.folder / "index"
    for name in (*FINE, CULPRIT):
        if name == culprit:
            wheels.broken(index, name)
        else:
            wheels.renamed(index, name, harness.PYTHON.parents[1], hostile if name == CULPRIT else "")
    stage.environment["UV_FIND_LINKS"] = str(index)


def test_nothing_newer_opens_nothing(stage: Stage) -> None:
    """Where the index has nothing newer, nothing is trained and no pull request is opened."""
    ran = stage.schedule("dependencies.yml")
    assert ran.ok, ran.log
    assert "Train the notebooks under the new lock" not in {step for _, step in ran.steps}
    assert ran.jobs == {"try": "success"}
    assert stage.forge.pulls == []


def test_newer_packages_that_train_open_a_pull_request(stage: Stage) -> None:
    """The pull request tells what moved, and holds the new lock with its hashes and the regenerated notebooks."""
    offer(stage, None)
    ran = stage.schedule("dependencies.yml")
    assert ran.ok, ran.log
    assert set(ran.jobs) == {"try", "publish"}
    assert [path.name for path in (stage.artifacts / "proposal").iterdir()] == ["proposal.json"]
    (request,) = stage.forge.pulls
    assert request["title"] == "Newer packages for the notebooks"
    assert f"| {CULPRIT} | " in request["body"]
    branch = f"origin/{request['head']['ref']}"
    stage.git("fetch", "-q", "origin")
    changed = stage.git("diff", "--name-only", "origin/main", branch).split()
    assert LOCK in changed
    assert any(path.endswith(".ipynb") for path in changed)
    assert all(path.startswith(("profiles/dependencies/", "generated/")) for path in changed)
    assert locked(stage.git("show", f"{branch}:{LOCK}"))[CULPRIT] == (wheels.VERSION,)


def test_a_package_that_breaks_training_is_named(stage: Stage) -> None:
    """Of four newer packages the one that cannot be imported is found; the run fails and no pull request is opened."""
    offer(stage, CULPRIT)
    ran = stage.schedule("dependencies.yml")
    assert ran.jobs == {"try": "failure"}
    assert f"guilty: {CULPRIT} (" in ran.summary
    assert "test_small_architectures_train[classification-full-bert]" in ran.summary
    assert stage.forge.pulls == []


def test_a_package_that_forges_what_is_handed_over_is_refused(stage: Stage) -> None:
    """A package rewrites the proposal while it is trained: no token is in its reach, and nothing of it is published."""
    seen = stage.folder / "seen.txt"
    offer(stage, None, FORGER.format(seen=str(seen)))
    before = stage.head("main")
    ran = stage.schedule("dependencies.yml")
    told = seen.read_text()
    assert "RUNNER_TEMP=" in told
    given = [line for line in told.splitlines() if not line.startswith("STUB_")]  # what the stand-ins are told
    secret = (JOB_TOKEN, stubs.APP_TOKEN, *stage.secrets.values())
    assert [line for line in given if line.partition("=")[2] in secret] == []
    assert ran.jobs == {"try": "success", "publish": "failure"}
    assert "files['.github/workflows/gates.yml']: is neither a stack with ranges nor its lock" in ran.log
    assert "files['../../../outside']: is neither" in ran.log
    assert "Get a token of the app that opens pull requests" not in {step for _, step in ran.steps}
    assert stage.forge.pulls == []
    assert stage.git("ls-remote", "--heads", "origin").split() == [before, "refs/heads/main"]
