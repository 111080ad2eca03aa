"""The measuring script: grid, resume and the rows it writes. (It runs on a card; here it is given readings.)"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from tool.measure.grid import LARGE_VOCABULARY, SMALL_VOCABULARY, grid
from tool.measure.rows import GIB, Reading, row_of
from tool.measure.runner import run
from tool.memory.measurements import Measurement
from tool.oracle.request import TraceRequest

VERSIONS = {"torch": "2.13.0", "transformers": "5.23.0", "peft": "0.21.2"}


def reading(oom: bool = False) -> Reading:
    peaks = {"load": GIB, "first backward": 2 * GIB, "forward": 2 * GIB, "backward": 3 * GIB, "optimizer": GIB}
    return Reading({} if oom else peaks, {} if oom else {"backward": 4 * GIB}, 5 * GIB, GIB // 4, oom)


def test_the_grid_covers_what_matters() -> None:
    """At least 60 configurations: every method, lengths 512 to 8192, batches 1 to 8, both vocabularies."""
    requests = grid()
    assert len(requests) >= 60
    assert {request.method for request in requests} == {"full", "lora", "qlora"}
    assert {512, 8192} <= {request.seq_len for request in requests}
    assert {1, 8} <= {request.micro_batch for request in requests}
    assert {True, False} == {request.grad_checkpointing for request in requests}
    assert {request.model for request in requests} == {*SMALL_VOCABULARY, *LARGE_VOCABULARY}


def test_models_of_the_grid_are_in_the_registry() -> None:
    """Nothing in the grid needs a download or a guess."""
    root = Path(__file__).resolve().parents[3]
    assert all((root / f"registry/models/{request.model}.yaml").exists() for request in grid())


def test_rows_are_measurements() -> None:
    """A row has the schema of the published ones and says what was seen."""
    row = row_of(grid()[0], reading(), "NVIDIA X", VERSIONS)
    parsed = Measurement.model_validate({**row, "family": "own"})
    assert parsed.peak_gib == 3.0
    assert parsed.peak_reserved_gib == 4.0
    assert parsed.process_gib == 5.0
    assert parsed.completeness == "full"
    assert parsed.phases_mib is not None
    assert parsed.phases_mib["peak_backward_mib"] == 3072.0


def test_running_out_of_memory_is_a_row() -> None:
    """An OOM keeps the configuration and claims no peak."""
    parsed = Measurement.model_validate({**row_of(grid()[0], reading(oom=True), "X", VERSIONS), "family": "own"})
    assert parsed.outcome == "oom"
    assert parsed.peak_gib is None


def test_an_empty_reading_is_refused() -> None:
    """A run that read nothing does not become a row."""
    with pytest.raises(ValueError, match="nothing was read"):
        row_of(grid()[0], Reading({}, {}, 0, 0, False), "X", VERSIONS)


def test_it_resumes_and_reports_failures(tmp_path: Path) -> None:
    """Rows that are there are not measured again; a configuration that fails is counted and tried again next time."""
    requests = grid()[:3]
    path = tmp_path / "own.jsonl"
    seen: list[str] = []

    def measure(request: TraceRequest) -> dict[str, Any] | None:
        seen.append(request.id)
        return None if request is requests[1] else row_of(request, reading(), "X", VERSIONS)

    assert run(requests, path, "X", measure, io.StringIO()) == 1
    assert run(requests, path, "X", measure, io.StringIO()) == 1
    assert seen == [requests[0].id, requests[1].id, requests[2].id, requests[1].id]
    ids = [json.loads(line)["id"] for line in path.read_text().splitlines()]
    assert ids == [f"own X {requests[0].id}", f"own X {requests[2].id}"]
