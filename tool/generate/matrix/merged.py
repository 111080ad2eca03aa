"""Whether a folder holds the whole matrix, each row once: what other machines made is not trusted."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tool.generate.matrix.axes import Axes, hardware_of
from tool.generate.matrix.formats import pyarrow
from tool.generate.matrix.parts import Part, parts_of, record_of
from tool.load import Repo

KEY = ("model", "task", "adapter", "gpu", "seq_len")
"""What tells a row from every other one."""
Key = tuple[object, ...]


@dataclass(frozen=True)
class Merged:
    """Rows and parts that are right, and what is wrong with the others."""

    rows: int
    parts: int
    problems: tuple[str, ...]


def check_matrix(repo: Repo, axes: Axes, out: Path, form: str, tick: Callable[[int], None] | None = None) -> Merged:
    """Read every part and hold its rows against the product of the axes. `tick(n)` is called after each n models.

    A part must be made from the present inputs, whole, and have each row that a card can run exactly once. Raises
    FtcError where a package is missing.
    """
    parts, rows, problems = parts_of(repo, axes, form), 0, list(_strangers(out, repo, axes, form))
    runs = {gpu: hardware_of(repo, axes, gpu).gpu.bitsandbytes_nf4 for gpu in axes.gpus}
    for part in parts:
        record = record_of(out, part)
        if record is None:
            problems.append(f"{part.name}: {_why_none(out, part)}")
        else:
            found = Counter(_keys((out / part.name).read_bytes(), form))
            problems += _compared(part, found, set(_wanted(axes, part, runs)))
            rows += found.total()
        if tick:
            tick(len(part.models))
    return Merged(rows, len(parts), tuple(problems))


def _strangers(out: Path, repo: Repo, axes: Axes, form: str) -> Iterator[str]:
    """Parts that are none of this matrix."""
    known = {part.name for part in parts_of(repo, axes, form)}
    for path in sorted(out.glob("part-*")):
        if path.name not in known:
            yield f"{path.name}: is no part of this matrix"


def _why_none(out: Path, part: Part) -> str:
    return "is not what its record says, or was made from other inputs" if (out / part.name).exists() else "is missing"


def _wanted(axes: Axes, part: Part, runs: dict[str, bool]) -> Iterator[Key]:
    """The keys of a part's rows: every combination that a card can run."""
    for model in part.models:
        for task in axes.tasks:
            for adapter in axes.adapters:
                for gpu in axes.gpus:
                    if runs[gpu] or adapter != "qlora":
                        yield from ((model, task, adapter, gpu, length) for length in axes.lengths)


def _keys(content: bytes, form: str) -> Iterator[Key]:
    if form == "parquet":
        arrow = pyarrow()
        columns = arrow.parquet.read_table(io.BytesIO(content), columns=list(KEY))
        yield from zip(*(columns[name].to_pylist() for name in KEY), strict=True)
    else:
        for line in content.splitlines():
            row = json.loads(line)
            yield tuple(row[name] for name in KEY)


def _compared(part: Part, found: Counter[Key], wanted: set[Key]) -> Iterator[str]:
    """What a part has too often, lacks, or should not have; one line each, with the first row of its kind."""
    kinds = {
        "twice": [key for key, count in found.items() if count > 1],
        "not at all": list(wanted - found.keys()),
        "although it is no row of it": list(found.keys() - wanted),
    }
    for told, keys in kinds.items():
        if keys:
            first = ", ".join(map(str, min(keys, key=repr)))
            yield f"{part.name}: has {first} {told}" + (f", and {len(keys) - 1} rows more" if len(keys) > 1 else "")
