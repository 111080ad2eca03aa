"""A table as bytes: Parquet (an extra) or JSON Lines."""

from __future__ import annotations

import importlib
import io
import json
from typing import Any

import numpy as np

from tool.errors import FtcError
from tool.generate.matrix.columns import COLUMNS, COUNTS, FLAGS, NOTHING, WORDS, Table
from tool.work import EXTRA

FORMATS = ("parquet", "jsonl")


def encoded(table: Table, form: str) -> bytes:
    """The table in one of FORMATS. Raises FtcError where Parquet is asked for and pyarrow is not installed."""
    return parquet_bytes(table) if form == "parquet" else jsonl_bytes(table)


def pyarrow() -> Any:
    """pyarrow. Raises FtcError where it is not installed."""
    try:
        importlib.import_module("pyarrow.parquet")
        return importlib.import_module("pyarrow")
    except ImportError:
        raise FtcError(f"Parquet needs pyarrow: {EXTRA}, or --format jsonl") from None


def parquet_bytes(table: Table) -> bytes:
    """Words as dictionaries, nulls as nulls."""
    arrow = pyarrow()
    arrays = {}
    for name in COLUMNS:
        values = table.columns[name]
        if name in WORDS:
            arrays[name] = arrow.DictionaryArray.from_arrays(arrow.array(values), arrow.array(table.vocabulary[name]))
        elif name in FLAGS:
            arrays[name] = arrow.array(values)
        else:
            empty = values == NOTHING if name in COUNTS else np.isnan(values)
            arrays[name] = arrow.array(values, mask=empty)
    stream = io.BytesIO()
    arrow.parquet.write_table(arrow.table(arrays), stream, compression="zstd")
    return stream.getvalue()


def jsonl_bytes(table: Table) -> bytes:
    """One row a line, its keys in the order of the columns; what is null is left out."""
    cells = [_texts(table, name) for name in COLUMNS]
    lines = ["{" + ",".join(part for part in row if part) + "}\n" for row in zip(*cells, strict=True)]
    return "".join(lines).encode()


def _texts(table: Table, name: str) -> list[str]:
    """`"name":value` of each row, made once for each distinct value; empty where it is null."""
    values = table.columns[name]
    distinct, places = np.unique(values, return_inverse=True)
    texts = []
    for value in distinct.tolist():
        if name in WORDS:
            value = table.vocabulary[name][value]
        null = value != value or (name in COUNTS and value == NOTHING)
        texts.append("" if null else f'"{name}":{json.dumps(value, ensure_ascii=False)}')
    return [texts[place] for place in places.tolist()]
