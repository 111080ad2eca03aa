"""The committed rows: complete, consistent, and those of the grid."""

from __future__ import annotations

import ast
import io
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tool.oracle import OracleMissing, interpreter
from tool.oracle.grid import grid
from tool.oracle.request import TraceRequest
from tool.oracle.worker import line_of, read_rows, write_rows

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "registry/measurements/oracle"


@cache
def rows() -> tuple[dict[str, Any], ...]:
    return tuple(
        json.loads(line) for path in sorted(FOLDER.glob("*.jsonl")) for line in path.read_text().splitlines() if line
    )


def request_of(row: dict[str, Any]) -> TraceRequest:
    return TraceRequest(**{name: row[name] for name in TraceRequest.__dataclass_fields__})


def test_there_are_enough_of_them() -> None:
    """At least 150 configurations over at least 12 architectures, every method among them."""
    from tool.load import open_repo

    models = {row["model"] for row in rows()}
    repo = open_repo(ROOT)
    assert len(rows()) >= 150
    assert len({repo.models[model].architecture.model_type for model in models}) >= 12
    assert {"full", "lora", "qlora", "dora"} <= {row["method"] for row in rows()}


def test_rows_are_those_of_the_grid_in_its_order() -> None:
    """A file holds configurations of the grid only, in the grid's order."""
    planned = {name: [request.id for request in requests] for name, requests in grid().items()}
    for path in sorted(FOLDER.glob("*.jsonl")):
        ids = [json.loads(line)["id"] for line in path.read_text().splitlines()]
        assert ids == [id for id in planned[path.stem] if id in set(ids)], path.name


def test_an_id_says_what_was_traced() -> None:
    """The id of a row is that of the request it holds."""
    assert all(request_of(row).id == row["id"] for row in rows())


def test_categories_add_up() -> None:
    """At every phase's peak the categories sum to the total, none is negative, and the peak phase is the fullest."""
    for row in rows():
        for moment in row["phases"].values():
            assert sum(size for name, size in moment.items() if name != "total") == moment["total"], row["id"]
            assert min(moment.values()) >= 0, row["id"]
        assert row["peak_bytes"] == max(moment["total"] for moment in row["phases"].values()), row["id"]
        assert row["phases"][row["peak_phase"]]["total"] == row["peak_bytes"], row["id"]


def test_weights_are_what_the_parameters_take() -> None:
    """Unquantised weights at rest take the parameters times their width (within the rounding to blocks)."""
    width = {"bf16": 2, "fp16": 2, "fp32": 4}
    checked = 0
    for row in rows():
        if row["quant"] != "none" or row["objective"] == "classification" or row["kbit_preparation"]:
            continue
        weights = row["phases"]["load"]["weights"]
        assert weights == pytest.approx(row["parameters"] * width[row["dtype"]], rel=0.02), row["id"]
        checked += 1
    assert checked > 50


def test_adam_keeps_two_states() -> None:
    """Under full fine-tuning with AdamW the states take twice what the gradients take."""
    for row in rows():
        if row["method"] == "full" and row["optimizer"] in ("adamw", "adamw_fused", "adamw_loop"):
            moment = row["phases"]["optimizer"]
            assert moment["optimizer_states"] == pytest.approx(2 * moment["gradients"], rel=0.01), row["id"]


def test_checkpointing_saves_memory() -> None:
    """Of two rows that differ in checkpointing only, the checkpointed one peaks no higher."""
    by_id = {row["id"]: row for row in rows()}
    compared = 0
    for row in rows():
        request = request_of(row)
        if not request.grad_checkpointing:
            continue
        plain = by_id.get(TraceRequest(**{**request.row, "grad_checkpointing": False}).id)
        if plain:
            assert row["peak_bytes"] <= plain["peak_bytes"], row["id"]
            compared += 1
    assert compared >= 10


def test_it_knows_nothing_of_the_arithmetic() -> None:
    """The oracle does not import the memory model that is held to it."""
    for path in (ROOT / "tool/oracle").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not any(name.startswith("tool.memory") for name in names), path.name


def test_an_interrupted_file_is_resumed(tmp_path: Path) -> None:
    """A last line cut short is dropped, whole rows are kept byte by byte."""
    path = tmp_path / "some.jsonl"
    whole = line_of({"id": "a", "peak_bytes": 1})
    path.write_text(whole + "\n" + '{"id": "b", "pea')
    assert read_rows(path) == {"a": whole}
    write_rows(path, [whole])
    assert path.read_text() == whole + "\n"
    assert list(tmp_path.iterdir()) == [path]


def test_grid_run_skips_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only missing configurations are traced; rows of configurations that left the grid disappear."""
    from tool.oracle import worker

    requests = [TraceRequest("m/a"), TraceRequest("m/b")]
    path = tmp_path / worker.FOLDER / "some.jsonl"
    path.parent.mkdir(parents=True)
    kept = line_of({"id": requests[0].id})
    path.write_text(kept + "\n" + line_of({"id": "gone"}) + "\n")
    traced: list[str] = []

    def fake(request: TraceRequest, *_: Any) -> str:
        traced.append(request.id)
        return line_of({"id": request.id})

    monkeypatch.setattr(worker, "_traced", fake)
    monkeypatch.setattr(worker, "quiet", lambda: None)
    assert worker.run_grid({"some": requests}, tmp_path, anew=False, log=io.StringIO()) == 0
    assert traced == [requests[1].id]
    assert path.read_text() == kept + "\n" + line_of({"id": requests[1].id}) + "\n"


def test_without_its_environment_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing environment is one error that names the command."""
    monkeypatch.delenv("FTC_ORACLE_PYTHON", raising=False)
    with pytest.raises(OracleMissing, match="make oracle-environment"):
        interpreter(tmp_path)
