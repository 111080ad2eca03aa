"""Shards that other machines made are taken for the whole only where each row is there once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tool.generate.matrix import Axes, axes_of, check_matrix, write_matrix
from tool.generate.matrix.parts import RECORDS
from tool.generate.shards import Shard
from tool.load import Repo, open_repo
from tool.policy.digests import sha256
from tool.tests.conftest import ROOT

Ftc = Callable[..., tuple[int, str, str]]
REPO = open_repo(ROOT)
PART = "part-0001.jsonl"


@pytest.fixture(scope="module")
def axes() -> Axes:
    """Two parts and a little more: eleven models at one length."""
    whole = axes_of(REPO, (1024,))
    return replace(whole, models=whole.models[:11], tasks=whole.tasks[:2])


@pytest.fixture(scope="module")
def shards(axes: Axes, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three folders, as three machines make them."""
    folders = [tmp_path_factory.mktemp("shard") for _ in range(3)]
    for number, folder in enumerate(folders, 1):
        write_matrix(REPO, axes, folder, "jsonl", shard=Shard(number, 3))
    return folders


@pytest.fixture
def merged(shards: list[Path], tmp_path: Path) -> Path:
    for folder in shards:
        shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    return tmp_path


def rewrite(out: Path, change: Callable[[list[str]], list[str]]) -> None:
    """Other lines in a part, with a record that vouches for them."""
    lines = change((out / PART).read_text().splitlines(keepends=True))
    (out / PART).write_text("".join(lines))
    path = out / RECORDS / f"{PART}.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"sha256": sha256((out / PART).read_bytes()), "rows": len(lines)}))


def problems(axes: Axes, out: Path, repo: Repo = REPO) -> tuple[str, ...]:
    return check_matrix(repo, axes, out, "jsonl").problems


def test_all_shards_are_the_whole(axes: Axes, merged: Path) -> None:
    """Three shards in one folder have every row that a card can run, once; a run without --shard makes no part anew."""
    found = check_matrix(REPO, axes, merged, "jsonl")
    unable = sum(not REPO.gpus[gpu].bitsandbytes_nf4 for gpu in axes.gpus)
    assert found.problems == ()
    assert found.rows == axes.size - unable * len(axes.models) * len(axes.tasks) * len(axes.lengths)
    again = write_matrix(REPO, axes, merged, "jsonl")
    assert (again.current, again.complete) == (again.parts, True) == (found.parts, True)


def test_a_shard_that_is_missing_is_told(axes: Axes, merged: Path) -> None:
    """Its parts are named, and those of the others are not."""
    (merged / PART).unlink()
    assert problems(axes, merged) == (f"{PART}: is missing",)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda lines: [*lines, lines[0]], "twice"),
        (lambda lines: lines[1:], "not at all"),
        (lambda lines: [lines[0].replace('"seq_len":1024', '"seq_len":77'), *lines[1:]], "although it is no row of it"),
    ],
)
def test_rows_are_counted_whatever_the_record_says(
    change: Callable[[list[str]], list[str]], told: str, axes: Axes, merged: Path
) -> None:
    """A row twice, none, and a stranger, each vouched for by a record, are found in the rows themselves."""
    rewrite(merged, change)
    assert any(line.startswith(f"{PART}: has ") and told in line for line in problems(axes, merged))


def test_parts_of_another_state_or_size_are_told(axes: Axes, merged: Path) -> None:
    """A byte changed after the record, a record of other inputs, and a part beyond the last are told."""
    (merged / PART).write_text((merged / PART).read_text() + "\n")
    assert problems(axes, merged) == (f"{PART}: is not what its record says, or was made from other inputs",)
    shutil.copy(merged / "part-0000.jsonl", merged / "part-0009.jsonl")
    assert "part-0009.jsonl: is no part of this matrix" in problems(axes, merged)


def test_the_command_tells_what_is_missing(ftc: Ftc, repo_copy: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """`--matrix --check`: exit 1 and the first missing parts before, 0 and the count after; it takes no shard."""
    for path in sorted((repo_copy / "registry/models").rglob("*.yaml")):
        if not path.name.startswith("Qwen2.5-0.5B"):
            path.unlink()
    out = tmp_path_factory.mktemp("out")
    base = ("generate", "--root", repo_copy, "--matrix", "--format", "jsonl", "--lengths", "1024", "--out", out)
    code, text, err = ftc(*base, "--check")
    assert (code, text) == (1, "part-0000.jsonl: is missing\n")
    assert "the matrix is not whole" in err
    assert ftc(*base)[0] == 0
    code, text, _ = ftc(*base, "--check", "--output", "json")
    told = json.loads(text)
    assert (code, told["problems"]) == (0, [])
    assert told["rows"] == json.loads((out / "matrix.json").read_text())["rows"]
    assert "each once" in ftc(*base, "--check")[1]
    assert ftc(*base, "--check", "--shard", "1/2")[0] == 2
