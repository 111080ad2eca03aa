"""The matrix says what `ftc recommend` says, whoever computes it and in however many pieces."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tool.errors import BadRequest
from tool.generate.matrix import Axes, axes_of, write_matrix
from tool.generate.matrix.columns import COLUMNS
from tool.generate.shards import Shard, shard_of
from tool.load import Repo, open_repo
from tool.recommend import recommend
from tool.recommend.knowledge import fresh_knowledge
from tool.schema.recommendation import Recommendation, RecommendRequest
from tool.tests.conftest import ROOT

Ftc = Callable[..., tuple[int, str, str]]
MODELS = (
    "HuggingFaceTB/SmolLM2-135M",
    "Qwen/Qwen2.5-0.5B-Instruct",
    "google/gemma-2-9b-it",
    "google/flan-t5-base",
    "answerdotai/ModernBERT-base",
    "meta-llama/Llama-3.1-70B-Instruct",
    "openai/gpt-oss-20b",
    "tiiuae/falcon-7b",
)
"""A swept one, small and large ones, an encoder-decoder, an encoder, experts, heads that share keys."""
SAMPLE = 160


@pytest.fixture(scope="module")
def repo() -> Repo:
    return open_repo(ROOT)


@pytest.fixture(scope="module")
def axes(repo: Repo) -> Axes:
    known = [model for model in MODELS if model in repo.models]
    assert len(known) >= 6
    return replace(axes_of(repo, (512, 4096)), models=tuple(sorted(known)))


@pytest.fixture(scope="module")
def written(repo: Repo, axes: Axes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("matrix")
    assert write_matrix(repo, axes, out, "jsonl").complete
    return out


def rows_of(out: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(out.glob("part-*.jsonl")):
        yield from (json.loads(line) for line in path.read_text().splitlines())


def expected(answer: Recommendation) -> dict[str, Any]:
    """The columns of the matrix, read off an answer."""
    assert answer.vram is not None
    plain = answer.model_dump(mode="json")
    known = {**plain["vram"], **plain, **answer.config, **answer.request}
    return {name: known[name] for name in COLUMNS if known.get(name) is not None}


def test_sampled_rows_equal_the_answers_of_the_recommender(repo: Repo, axes: Axes, written: Path) -> None:
    """Every column of randomly chosen rows is what `ftc recommend` answers to the same request."""
    knowledge = fresh_knowledge(repo)
    rows = list(rows_of(written))
    for row in random.Random(12).sample(rows, SAMPLE):
        request = {name: row[name] for name in ("model", "task", "adapter", "gpu", "seq_len")}
        answer = recommend(repo, RecommendRequest.model_validate(request), knowledge)
        assert row == expected(answer), request


def test_every_combination_that_can_run_has_its_row_once(repo: Repo, axes: Axes, written: Path) -> None:
    """The product without QLoRA on cards that lack 4-bit weights: nothing missing, nothing twice, in order."""
    names = ("model", "task", "adapter", "gpu", "seq_len")
    found = [tuple(row[name] for name in names) for row in rows_of(written)]
    wanted = [
        (model, task, adapter, gpu, length)
        for model in axes.models
        for task in axes.tasks
        for adapter in axes.adapters
        for gpu in axes.gpus
        for length in axes.lengths
        if adapter != "qlora" or repo.gpus[gpu].bitsandbytes_nf4
    ]
    assert found == wanted
    assert json.loads((written / "matrix.json").read_text())["rows"] == len(wanted)


def files_of(out: Path) -> dict[str, bytes]:
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


def test_shards_and_processes_give_the_same_bytes(repo: Repo, axes: Axes, written: Path, tmp_path: Path) -> None:
    """Two shards, one of them shared by two processes, make the files of a single run; the manifest comes last."""
    assert not write_matrix(repo, axes, tmp_path, "jsonl", shard=Shard(2, 2)).complete
    assert not (tmp_path / "matrix.json").exists()
    assert write_matrix(repo, axes, tmp_path, "jsonl", shard=Shard(1, 2), jobs=2).complete
    assert files_of(tmp_path) == files_of(written)


def test_a_second_run_makes_only_what_is_missing_or_broken(repo: Repo, axes: Axes, written: Path) -> None:
    """A lost part, a changed one and a broken record are made again; the rest stays as it is."""
    before = files_of(written)
    assert write_matrix(repo, axes, written, "jsonl").current == 2
    for victim, damage in (
        ("part-0000.jsonl", None),
        ("part-0001.jsonl", b"x"),
        ("records/part-0000.jsonl.json", b"{"),
    ):
        path = written / victim
        path.unlink() if damage is None else path.write_bytes(damage)
        done = write_matrix(repo, axes, written, "jsonl")
        assert (done.parts, done.current, done.complete) == (2, 1, True)
        assert files_of(written) == before


def test_an_edited_model_redoes_its_part_alone(
    repo_copy: Path, axes: Axes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Parts are keyed by the files of their models; an edited card, which all parts read, redoes all."""
    out = tmp_path_factory.mktemp("edited")
    small = replace(axes, tasks=axes.tasks[:1], lengths=(1024,))
    write_matrix(open_repo(repo_copy), small, out, "jsonl")
    for path, current in ((f"registry/models/{small.models[0]}.yaml", 1), ("profiles/gpus/T4.yaml", 0)):
        text = (repo_copy / path).read_text()
        (repo_copy / path).write_text(f"# looked at again\n{text}")
        assert write_matrix(open_repo(repo_copy), small, out, "jsonl").current == current


def test_the_command_writes_the_product_of_one_length(
    ftc: Ftc, repo_copy: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """`ftc generate --matrix` on a repository of two models; faults of the command line end in exit 2."""
    for path in (repo_copy / "registry/models").rglob("*.yaml"):
        if path.relative_to(repo_copy / "registry/models").as_posix() not in (
            "Qwen/Qwen2.5-0.5B-Instruct.yaml",
            "Qwen/Qwen2.5-0.5B.yaml",
        ):
            path.unlink()
    out = tmp_path_factory.mktemp("out")
    base = ("generate", "--root", str(repo_copy), "--matrix", "--format", "jsonl", "--lengths", "2048")
    code, text, _ = ftc(*base, "--out", str(out), "--output", "json")
    assert code == 0 and json.loads(text)["rows"] == sum(1 for _ in rows_of(out))
    for wrong in (("--shard", "3/2"), ("--shard", "x"), ("--lengths", "few")):
        assert ftc(*base, "--out", str(out), *wrong)[0] == 2
    assert ftc(*base)[0] == 2
    assert ftc("generate", "--root", str(repo_copy), "--shard", "1/2")[0] == 2


def test_shards_cover_everything_once() -> None:
    """Each place belongs to exactly one shard."""
    for count in (1, 3, 7):
        shards = [shard_of(f"{number}/{count}") for number in range(1, count + 1)]
        assert all(sum(shard.has(place) for shard in shards) == 1 for place in range(50))
    with pytest.raises(BadRequest):
        shard_of("0/3")
