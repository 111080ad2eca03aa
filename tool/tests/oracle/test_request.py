"""What the oracle accepts, assumes and refuses."""

from __future__ import annotations

import pytest

from tool.errors import BadRequest
from tool.oracle.grid import grid
from tool.oracle.request import TraceRequest, complete, parse_request

MODEL = "meta-llama/Llama-3.2-1B"


def test_a_measured_row_is_a_request() -> None:
    """Fields of a published run are taken over; what describes the measurement is ignored."""
    row = {
        "id": "x",
        "model": MODEL,
        "method": "qlora",
        "task": "sft",
        "quant": "nf4-dq",
        "dtype": "bf16",
        "micro_batch": 2,
        "seq_len": 1024,
        "grad_checkpointing": True,
        "peak_gib": 5.1,
        "gpu": "T4",
        "attention": "flash",
    }
    request, assumed = parse_request(row)
    assert (request.method, request.quant, request.micro_batch, request.seq_len) == ("qlora", "nf4-dq", 2, 1024)
    assert request.attention == "flash"
    assert request.grad_checkpointing is True
    assert assumed == ()


def test_null_means_the_default() -> None:
    """An unknown field is filled by the default, not refused."""
    request, _ = parse_request({"model": MODEL, "dtype": None, "micro_batch": None})
    assert request.dtype == "bf16"
    assert request.micro_batch == 1


@pytest.mark.parametrize(
    ("field", "value"), [("optimizer", "lion"), ("quant", "gptq"), ("grad_checkpointing", "selective")]
)
def test_what_cannot_be_traced_is_named(field: str, value: str) -> None:
    """A known field with a value that has no trace is replaced, and the replacement is said."""
    request, assumed = parse_request({"model": MODEL, "method": "full", field: value})
    assert getattr(request, field) != value
    assert any(field in line and value in line for line in assumed)


@pytest.mark.parametrize(
    ("field", "value"),
    [("micro_batch", "two"), ("micro_batch", 1.5), ("seq_len", True), ("dtype", 16), ("model", None)],
)
def test_wrong_types_are_refused_by_field(field: str, value: object) -> None:
    """A wrong type is an error that names its field."""
    with pytest.raises(BadRequest) as caught:
        parse_request({"model": MODEL, field: value})
    assert caught.value.field == field


def test_full_fine_tuning_has_no_adapter() -> None:
    """Rank and targets fall away under full fine-tuning, and quantisation needs an adapter."""
    request, assumed = complete({"model": MODEL, "method": "full", "lora_r": 8, "quant": "nf4"}, [])
    assert request.lora_r is None
    assert request.lora_targets is None
    assert request.quant == "none"
    assert assumed


def test_ids_tell_requests_apart() -> None:
    """Changing any traced field changes the id."""
    base = TraceRequest(MODEL)
    other = {
        "method": "dora",
        "lora_r": 4,
        "use_reentrant": True,
        "keeps_outputs": True,
        "compute_capability": 7.5,
        "lora_dropout": 0.1,
    }
    ids = {base.id} | {TraceRequest(**{**base.row, name: value}).id for name, value in other.items()}
    assert len(ids) == len(other) + 1


def test_the_grid_is_broad_and_without_doubles() -> None:
    """At least 150 configurations, each named once."""
    ids = [request.id for requests in grid().values() for request in requests]
    assert len(ids) == len(set(ids))
    assert len(ids) >= 150
