"""Bad recipes files: each line gets its answer, with line and reason, and nothing else is harmed."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tool.cli import cli
from tool.cli.common import run
from tool.errors import InputFaults
from tool.recipes import load_recipes, read_recipes, recipes_report, schemas
from tool.recipes.collect import RecipeSet
from tool.recipes.draft import Row
from tool.recipes.normalise import Rejection, normalise
from tool.recipes.schemas import detect, names, reader
from tool.schema.recipe import Recipe

ROOT = Path(__file__).resolve().parents[3]
GOOD: dict[str, Any] = {
    "model": "Qwen/Qwen3-8B",
    "objective": "sft",
    "adapter": "lora",
    "learning_rate": 2e-4,
    "lora_r": 16,
}
AXOLOTL = {"base_model": "Qwen/Qwen3-8B", "sequence_len": 2048, "micro_batch_size": 2, "learning_rate": "2e-5"}


def read(tmp_path: Path, *lines: str | bytes) -> RecipeSet:
    """Read a file of these lines."""
    path = tmp_path / "mine.jsonl"
    path.write_bytes(b"\n".join(line.encode() if isinstance(line, str) else line for line in lines) + b"\n")
    return read_recipes([(path, "mine.jsonl")])


def only(found: RecipeSet) -> Rejection:
    """The one rejection."""
    assert len(found.rejected) == 1
    return found.rejected[0].rejection


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"learning_rate": ', "not JSON"),
        ("[1, 2]", "not an object"),
        ('"text"', "not an object"),
        (b'{"model": "\xff\xfe"}', "UTF-8"),
        ('{"a":' * 100_000, "nested too deeply"),
        ('{"config": {"a": 1}, "schema": 7}', "must be text"),
    ],
)
def test_corrupt_lines(tmp_path: Path, line: str | bytes, message: str) -> None:
    """Expect the line's number and what is wrong; the good line after it is read."""
    found = read(tmp_path, line, json.dumps(GOOD))
    assert found.rejected[0].line == 1
    assert message in only(found).message
    assert only(found).mend
    assert len(found.recipes) == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"learning_rate": 2.0}, "learning_rate"),
        ({"learning_rate": -1e-4}, "learning_rate"),
        ({"learning_rate": 0}, "learning_rate"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"learning_rate": float("inf")}, "learning_rate"),
        ({"learning_rate": "fast"}, "learning_rate"),
        ({"learning_rate": 10**400}, "learning_rate"),
        ({"lora_r": -8}, "lora_r"),
        ({"lora_r": 0}, "lora_r"),
        ({"lora_r": 1.5}, "lora_r"),
        ({"lora_dropout": 1.5}, "lora_dropout"),
        ({"warmup_ratio": 3}, "warmup_ratio"),
        ({"per_device_train_batch_size": 0}, "micro_batch"),
        ({"per_device_train_batch_size": True}, "per_device_train_batch_size"),
        ({"gpus": -1}, "gpus"),
        ({"num_train_epochs": -3}, "epochs"),
        ({"max_length": 2}, "max_length"),
        ({"weight_decay": 12}, "weight_decay"),
        (
            {"per_device_train_batch_size": 3, "gradient_accumulation_steps": 5, "effective_batch_size": 64},
            "global_batch_size",
        ),
    ],
)
def test_impossible_values(tmp_path: Path, change: dict[str, Any], field: str) -> None:
    """Expect a rejection that names the field and a mend."""
    why = only(read(tmp_path, json.dumps({**GOOD, **change})))
    assert (why.kind, why.field) == ("invalid", field)
    assert why.message
    assert why.mend


def test_unknown_schema_is_listed(tmp_path: Path) -> None:
    """Expect a row of a schema that nobody knows to be listed under its name, with the known ones as the mend."""
    row = {"id": "r1", "schema": "megatrainer", "config": {"lr": 1e-4}}
    found = read(tmp_path, json.dumps(row), json.dumps({"colour": "blue"}))
    report = recipes_report(found)
    assert report["rejected_by_kind"] == {"unknown_schema": 2}
    assert report["by_schema"]["megatrainer"] == {"rows": 1, "accepted": 0}
    assert "unknown schema megatrainer" in report["rejected_by_reason"]
    assert "axolotl" in found.rejected[0].rejection.mend


def test_huge_line_is_not_held_in_memory(tmp_path: Path) -> None:
    """Expect a line of 1 GB to be refused within 300 MB of memory, and the next line to be read."""
    path = tmp_path / "huge.jsonl"
    with path.open("wb") as file:
        file.write(b'{"model": "')
        file.seek(1 << 30)  # a sparse file: a gigabyte of zero bytes
        file.write(b'"}\n' + json.dumps(GOOD).encode() + b"\n")
    code = (
        "import sys; from pathlib import Path; from tool.recipes import read_recipes\n"
        "found = read_recipes([(Path(sys.argv[1]), 'huge.jsonl')])\n"
        "print(len(found.recipes), found.rejected[0].line, found.rejected[0].rejection.message)\n"
    )

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (300 << 20, 300 << 20))

    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, preexec_fn=limit, timeout=60
    )
    assert done.stdout.split(maxsplit=2) == ["1", "1", "is longer than 1 MiB\n"], done.stderr


def test_registry_line_that_is_no_json_is_a_fault(tmp_path: Path) -> None:
    """Expect InputFaults with file and line when the registry itself is broken."""
    (tmp_path / "registry/recipes").mkdir(parents=True)
    (tmp_path / "evaluation").mkdir()
    (tmp_path / "evaluation/reserved.yaml").write_text("recipes: {repositories: []}\n")
    (tmp_path / "registry/recipes/x.jsonl").write_text(json.dumps(GOOD) + "\n{oops\n")
    with pytest.raises(InputFaults) as caught:
        load_recipes(tmp_path)
    assert [(fault.path, fault.line) for fault in caught.value.faults] == [("registry/recipes/x.jsonl", 2)]


def test_id_given_twice(tmp_path: Path) -> None:
    """Expect the second row of an id to be refused, and rows without ids not to disturb each other."""
    row = {"id": "mine", "schema": "canonical", "config": GOOD}
    found = read(tmp_path, json.dumps(row), json.dumps(row), json.dumps(GOOD), json.dumps({**GOOD, "gpus": 2}))
    assert (found.rejected[0].line, only(found).reason) == (2, "id: given twice")
    assert found.rows == 4


NEW_SCHEMA = """
from tool.recipes.draft import Draft, Row
from tool.recipes.native import Native

SCHEMA = "tinytrainer"
MARKS = (("tiny_model", "tiny_rate"),)


def read(native: Native, row: Row) -> Draft:
    draft = Draft(model=native.text("tiny_model"), objective="sft", adapter="full")
    draft.learning_rate = native.number("tiny_rate")
    return draft
"""


def test_new_schema_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Expect one more file in the package of schemas to be all that a new framework needs."""
    folder = tmp_path / "schemas"
    folder.mkdir()
    (folder / "tinytrainer.py").write_text(NEW_SCHEMA)
    monkeypatch.setattr(schemas, "__path__", [*schemas.__path__, str(folder)])
    for cached in (schemas.names, schemas.reader, schemas._marks):
        cached.cache_clear()
    try:
        found = read(tmp_path, json.dumps({"tiny_model": "org/Tiny-3B", "tiny_rate": "3e-5"}))
    finally:
        sys.modules.pop("tool.recipes.schemas.tinytrainer", None)
        for cached in (schemas.names, schemas.reader, schemas._marks):
            cached.cache_clear()
    assert [(r.schema, r.learning_rate, r.params_b) for r in found.recipes] == [("tinytrainer", 3e-5, 3.0)]


def repository(tmp_path: Path) -> list[str]:
    """--root of an empty repository."""
    for folder in ("registry", "profiles"):
        (tmp_path / folder).mkdir(exist_ok=True)
    return ["--root", str(tmp_path)]


def test_command_reads_a_users_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Expect exit 0, the recognised schema and the canonical values for a user's own rows without any envelope."""
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps(AXOLOTL) + "\n" + json.dumps(GOOD) + "\n")
    code = run(cli, ["recipes", "--file", str(path), "--rows", "--output", "json", *repository(tmp_path)])
    report = json.loads(capsys.readouterr().out)
    assert code == 0
    assert report["accepted"] == 2
    assert [row["schema"] for row in report["canonical"]] == ["axolotl", "canonical"]
    assert report["canonical"][0]["learning_rate"] == 2e-5
    assert report["canonical"][0]["adapter"] == "full"


def test_command_reports_each_bad_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Expect exit 2 and one message a bad line, with file, line, field and mend, and no traceback."""
    path = tmp_path / "mine.jsonl"
    path.write_text("\n".join(["{oops", json.dumps({**GOOD, "learning_rate": 2.0}), json.dumps(GOOD)]) + "\n")
    code = run(cli, ["recipes", "--file", str(path), *repository(tmp_path)])
    shown = capsys.readouterr()
    assert code == 2
    assert f"error: {path}:1: is not JSON" in shown.err
    assert f"{path}:2: learning_rate: cannot be 2" in shown.err
    assert "another unit" in shown.err
    assert "Traceback" not in shown.err + shown.out


def test_command_refuses_an_unknown_schema_option(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Expect exit 2 and the list of schemas."""
    path = tmp_path / "mine.jsonl"
    path.write_text("{}\n")
    assert run(cli, ["recipes", "--file", str(path), "--schema", "nope", *repository(tmp_path)]) == 2
    assert "axolotl" in capsys.readouterr().err


def test_command_on_an_empty_file(tmp_path: Path) -> None:
    """Expect exit 3: there was nothing to judge."""
    path = tmp_path / "mine.jsonl"
    path.write_text("\n\n")
    assert run(cli, ["recipes", "--file", str(path), *repository(tmp_path)]) == 3


@pytest.mark.parametrize("schema", names())
def test_every_schema_survives_anything(schema: str) -> None:
    """Expect a recipe or a rejection, never an exception, for an empty row and for a row of wrong types."""
    assert reader(schema) is not None
    keys = ("learning_rate", "model_name_or_path", "lora_r", "datasets.0.path", "train.devices", "max_duration")
    for config in ({}, {key: [1] for key in keys}, dict.fromkeys(keys, "x"), {key: {"a": []} for key in keys}):
        assert isinstance(normalise(Row("r", schema, "a/b", "c", dict(config))), Recipe | Rejection)


@cache
def examples() -> dict[str, dict[str, Any]]:
    """The first published configuration of every schema."""
    found: dict[str, dict[str, Any]] = {"canonical": GOOD}
    for path in sorted((ROOT / "registry/recipes").glob("*.jsonl")):
        with path.open(encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                found.setdefault(row["schema"], row["config"])
    return found


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_published_rows_with_any_value_replaced(data: st.DataObject) -> None:
    """Expect a recipe or a rejection when any one value of a published row is replaced by any other."""
    schema = data.draw(st.sampled_from(names()))
    config = dict(examples()[schema])
    key = data.draw(st.sampled_from(sorted(config)))
    config[key] = data.draw(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text()))
    assert isinstance(normalise(Row("r", schema, "a/b", "c", config)), Recipe | Rejection)


def test_schemas_are_recognised_by_their_keys() -> None:
    """Expect at least 90 % of published rows to be recognised without their schema, and hardly any mistaken."""
    right = wrong = total = 0
    for path in sorted((ROOT / "registry/recipes").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            found = detect(row["config"])
            total += 1
            right += found == row["schema"]
            wrong += found not in (None, row["schema"])
    assert right / total >= 0.9
    assert wrong / total <= 0.02
