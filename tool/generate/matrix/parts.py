"""The matrix on disk: parts of a few models each, every one written in one step and redone only when it must be.

A part depends on its models and on what all answers share, not on who computes it: any number of processes, any
backend and any sharding give the same files. Shards merge by putting their files into one folder; a run without
--shard then finds every part current and writes the manifest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from tool.generate.inputs import rules_digest
from tool.generate.matrix.answers import answer_model
from tool.generate.matrix.axes import Axes, Cards, card_groups
from tool.generate.matrix.columns import COLUMNS, Builder
from tool.generate.matrix.formats import encoded, pyarrow
from tool.generate.provenance import Digests
from tool.generate.shards import Shard
from tool.generate.write import replace_file
from tool.load import Repo, open_repo
from tool.memo import digest_of
from tool.recommend import Knowledge
from tool.work import spread

MODELS_A_PART = 5
MANIFEST = "matrix.json"
RECORDS = "records"


@dataclass(frozen=True)
class Part:
    """Some models of the product. `key`: digest of all that its rows are made from; `shared`: of what is no model."""

    name: str
    models: tuple[str, ...]
    key: str
    shared: str


@dataclass(frozen=True)
class Matrix:
    """What a run did: parts of this shard, how many of them were current before, and rows of those parts."""

    parts: int
    current: int
    rows: int
    complete: bool


def parts_of(repo: Repo, axes: Axes, form: str) -> list[Part]:
    """All parts, whatever the shard."""
    digests = Digests(repo.root)
    folders = [digests.of_folder(folder) for folder in ("profiles/gpus", "profiles/tasks")]
    shared = digest_of([form, rules_digest(repo.root, digests), folders, {**asdict(axes), "models": None}])
    found: list[Part] = []
    for start in range(0, len(axes.models), MODELS_A_PART):
        models = axes.models[start : start + MODELS_A_PART]
        files = {path: digests.of(path) for model in models for path in model_files(repo, model)}
        found.append(Part(f"part-{len(found):04d}.{form}", models, digest_of([shared, files]), shared))
    return found


def model_files(repo: Repo, model: str) -> list[str]:
    """The file of a model and the one that it inherits from."""
    from tool.load.yaml_file import YamlFile

    path = repo.models.path(model)
    data = YamlFile.read(repo.root, path).data
    base = data.get("base") if isinstance(data, dict) else None
    return [path, repo.models.path(base)] if base else [path]


def write_matrix(
    repo: Repo,
    axes: Axes,
    out: Path,
    form: str,
    *,
    jobs: int = 1,
    backend: str = "fork",
    shard: Shard | None = None,
    tick: Callable[[int], None] | None = None,
) -> Matrix:
    """Bring the parts of a shard (default: all) up to date. `tick(n)` is called after each n models.

    Raises FtcError where a package is missing and OSError when the disk refuses; finished parts stay.
    """
    if form == "parquet":
        pyarrow()
    parts = parts_of(repo, axes, form)
    mine = [part for number, part in enumerate(parts) if shard is None or shard.has(number)]
    todo = [part for part in mine if record_of(out, part) is None]
    if tick:
        tick(sum(len(part.models) for part in mine if part not in todo))
    work = partial(make_part, str(repo.root), axes, form)
    for part, (content, rows) in zip(todo, spread(work, todo, jobs, backend), strict=True):
        _store(out, part, content, rows)
        if tick:
            tick(len(part.models))
    records = [record_of(out, part) for part in mine]
    complete = _finish(out, parts, axes) if all(records) else False
    return Matrix(len(mine), len(mine) - len(todo), sum(record["rows"] for record in records if record), complete)


def make_part(root: str, axes: Axes, form: str, part: Part) -> tuple[bytes, int]:
    """The bytes of a part and its number of rows."""
    repo, rows = open_repo(Path(root)), Builder()
    groups, knowledge = _opened(root, axes, part.shared)
    for model in part.models:
        answer_model(repo, axes, groups, knowledge, model, rows)
    table = rows.table()
    return encoded(table, form), len(table)


@lru_cache(maxsize=1)
def _opened(root: str, axes: Axes, shared: str) -> tuple[list[Cards], Knowledge]:
    """The cards, and what was learned: once for each process and state of the repository."""
    from tool.recommend.knowledge import fresh_knowledge

    repo = open_repo(Path(root))
    return card_groups(repo, axes), fresh_knowledge(repo)


def record_of(out: Path, part: Part) -> dict[str, Any] | None:
    """The record of a part that lies there whole and current; None for any other, whatever is wrong with it."""
    try:
        record = json.loads((out / RECORDS / f"{part.name}.json").read_bytes())
        content = (out / part.name).read_bytes()
        known = record["key"] == part.key and record["sha256"] == hashlib.sha256(content).hexdigest()
        return record if known and isinstance(record["rows"], int) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _store(out: Path, part: Part, content: bytes, rows: int) -> None:
    """The part first, then its record: a kill between the two leaves a part that is made again."""
    replace_file(out / part.name, content)
    record = {"key": part.key, "models": list(part.models), "rows": rows, "sha256": hashlib.sha256(content).hexdigest()}
    replace_file(out / RECORDS / f"{part.name}.json", _json(record))


def _finish(out: Path, parts: list[Part], axes: Axes) -> bool:
    """Write the manifest when every part of the product is there, and drop parts of an earlier product."""
    records = {part.name: record_of(out, part) for part in parts}
    listed = [
        {"file": name, "rows": found["rows"], "sha256": found["sha256"]} for name, found in records.items() if found
    ]
    if len(listed) < len(parts):
        return False
    for path in [*out.glob("part-*"), *(out / RECORDS).glob("part-*.json")]:
        if path.name.removesuffix(".json") not in records and path.name not in records:
            path.unlink()
    total = sum(part["rows"] for part in listed)
    document = {"axes": asdict(axes), "columns": list(COLUMNS), "parts": listed, "rows": total}
    replace_file(out / MANIFEST, _json(document))
    return True


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()
