"""Parquet in and out, with pyarrow: an extra, named in the error where it is missing."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tool.errors import FtcError
from tool.telemetry.files import Record

BATCH_ROWS = 2_000


def _pyarrow() -> Any:
    try:
        pyarrow = importlib.import_module("pyarrow")
        importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise FtcError("Parquet needs pyarrow: pip install 'open-finetune-config[telemetry]'") from None
    return pyarrow


def parquet_records(path: Path, done: int) -> Iterator[Record]:
    """The rows of a Parquet file as JSON records, from the one after `done` on. Raises FtcError for a broken file.

    Columns carry the names of the events. A struct holds every key that any row has, so nulls inside `config`,
    `request` and `hardware` mean that a row does not have the key.
    """
    pyarrow = _pyarrow()
    row = 0
    try:
        for batch in pyarrow.parquet.ParquetFile(path).iter_batches(batch_size=BATCH_ROWS):
            for item in batch.to_pylist():
                row += 1
                if row > done:
                    yield Record(row, row, _line(item), True)
    except (pyarrow.ArrowException, OSError) as error:
        raise FtcError(f"{path}: is no readable Parquet file: {str(error).splitlines()[0]}") from None


def _line(item: dict[str, Any]) -> bytes:
    """One row as a JSON record; what JSON cannot hold is left as text, for the door to refuse."""
    event = item.get("event")
    complete = event == "run_complete"
    for name in ("config", "request"):
        if isinstance(item.get(name), dict):
            item[name] = {key: value for key, value in item[name].items() if value is not None}
    kept = {key: value for key, value in item.items() if value is not None or (complete and key in NULLABLE)}
    kept |= {key: None for key in ("engine", "slot") if key not in kept}
    return json.dumps(kept, default=_text).encode()


NULLABLE = ("peak_allocated_gib", "peak_reserved_gib", "tokens_per_second", "first_loss", "final_loss")


def _text(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def write_parquet(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write rows of plain values. Raises FtcError without pyarrow."""
    pyarrow = _pyarrow()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path, compression="zstd")
