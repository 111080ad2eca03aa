"""The workflow of the whole matrix as it stands, run by act on a repository of few models."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tool.tests.conftest import SMALL_CATALOG
from tool.tests.workflows.act import Stage, build
from tool.tests.workflows.conftest import NOW

pytestmark = pytest.mark.prove
MODELS = 22
"""Five parts, so that each of the four shards has one and the first two."""


def few_models(root: Path) -> None:
    """The catalogue's two models, and some more; the smallest of catalogues."""
    (root / "profiles/catalog.yaml").write_text(SMALL_CATALOG)
    needed = {"Qwen2.5-0.5B-Instruct.yaml", "Qwen2.5-0.5B.yaml", "Llama-3.1-8B-Instruct.yaml", "Llama-3.1-8B.yaml"}
    others = sorted((root / "registry/models").rglob("*.yaml"))
    kept = [path for path in others if path.name in needed]
    kept += [path for path in others if path not in kept and "base:" not in path.read_text()][: MODELS - len(kept)]
    for path in set(others) - set(kept):
        path.unlink()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = build(tmp_path / "stage", NOW, few_models)
    yield made
    made.forge.close()


def test_shards_become_one_file_with_every_row_once(stage: Stage) -> None:
    """Four jobs price their shares, and the last one keeps all rows in one file, in order, with the manifest."""
    ran = stage.dispatch("matrix.yml", {"lengths": "1024"})
    assert ran.ok, ran.log
    assert set(ran.jobs) == {"price", "merge"}
    assert len(list(stage.artifacts.glob("shard-*/part-*.jsonl"))) == 5
    whole = stage.artifacts / "matrix"
    manifest = json.loads((whole / "matrix.json").read_text())
    with gzip.open(whole / "matrix.jsonl.gz", "rt") as file:
        rows = [json.loads(line) for line in file]
    keys = [(row["model"], row["task"], row["adapter"], row["gpu"], row["seq_len"]) for row in rows]
    assert len(set(keys)) == len(keys) == manifest["rows"]
    assert {key[0] for key in keys} == set(manifest["axes"]["models"])
    assert len(manifest["axes"]["models"]) == MODELS
    assert {key[4] for key in keys} == {1024}
    assert f"{len(rows):,} recommendations in 5 parts, each once" in ran.summary


def test_a_share_that_is_lost_stops_the_rest(stage: Stage) -> None:
    """Where the workflow leaves a share out, the last job says which parts are missing, and keeps no whole."""
    root = stage.at_main()
    workflow = root / ".github/workflows/matrix.yml"
    workflow.write_text(workflow.read_text().replace("shard: [1, 2, 3, 4]", "shard: [1, 2, 4]"))
    stage.push("main", "One share less")
    ran = stage.schedule("matrix.yml")
    assert ran.jobs == {"price": "success", "merge": "failure"}
    assert "part-0002.jsonl: is missing" in ran.summary
    assert not (stage.artifacts / "matrix").exists()
