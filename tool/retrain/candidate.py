"""A candidate engine from telemetry: built in a copy of the facts, held to the guard, and only then written."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tool.errors import FtcError
from tool.learn.train import train
from tool.load import open_repo
from tool.memory.calibrate import document, fitted
from tool.memory.cards import share_of
from tool.memory.overhead import PATH as CALIBRATION
from tool.memory.overhead import CardTerm, load_calibration
from tool.policy.digests import sha256
from tool.priors import compute_priors
from tool.recipes import load_recipes, read_recipes
from tool.retrain import guard
from tool.retrain.evidence import Evidence
from tool.retrain.signals import FOLDER

ENGINES = "registry/engines"
RECIPES = "registry/recipes/telemetry.jsonl"
MEASUREMENTS = "registry/measurements/telemetry.jsonl"
COPIED = ("registry", "profiles", "evaluation/reserved.yaml", "requirements.lock")
SEED = 20_261_124


Row = dict[str, Any]
Cards = dict[str, tuple[CardTerm | None, CardTerm]]
"""Terms of cards that differ: before and after."""


@dataclass(frozen=True)
class Taught:
    """What became of telemetry's recipes: admitted, held for people, or ignored; and the step of a learning rate.

    `step` is the largest factor that they move a recommended learning rate by, at `place`.
    """

    admitted: int = 0
    held: int = 0
    ignored: int = 0
    step: float = 1.0
    place: str = ""
    rows: bytes = b""


@dataclass(frozen=True)
class Candidate:
    """What a retraining would write (path → bytes), and what is to be told about it."""

    version: str
    files: dict[str, bytes]
    measurements: int
    taught: Taught
    cards: Cards


def next_version(root: Path, now: datetime) -> str:
    """YYYY.MM.N with the first N that is free this month."""
    taken = {path.name for path in (root / ENGINES).glob("*") if path.is_dir()}
    number = 0
    while f"{now:%Y.%m}.{number}" in taken:
        number += 1
    return f"{now:%Y.%m}.{number}"


@contextmanager
def workbench(root: Path) -> Iterator[Path]:
    """A copy of what training reads, so that nothing is written before the guard has judged it."""
    with tempfile.TemporaryDirectory(prefix="ftc-retrain-") as folder:
        copy = Path(folder)
        for name in COPIED:
            source = root / name
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("engines"))
            elif source.is_file():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, copy / name)
        yield copy


def newer(old: Row, new: Row) -> Row:
    return new


def needier(old: Row, new: Row) -> Row:
    """The row that needed more, with the larger share of runs of both: what was learned is not unlearned."""
    first, second = sorted((old, new), key=lambda row: (row["outcome"] == "oom", row.get("peak_gib") or 0.0))
    larger = max((first["source"], second["source"]), key=share_of)
    return second | {"source": second["source"] | {"runs": larger["runs"], "of": larger["of"]}}


def merged(root: Path, path: str, rows: list[Row], choose: Callable[[Row, Row], Row] = newer) -> bytes:
    """Rows of earlier retrainings with the new ones; `choose` says which where both speak of the same."""
    known: dict[str, dict[str, Any]] = {}
    if (root / path).is_file():
        for line in (root / path).read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            known[row["id"]] = row
    for row in rows:
        known[row["id"]] = choose(known[row["id"]], row) if row["id"] in known else row
    lines = [json.dumps(known[id], sort_keys=True, ensure_ascii=False, allow_nan=False) for id in sorted(known)]
    return "".join(line + "\n" for line in lines).encode()


def build(root: Path, version: str, evidence: Evidence, aggregates: dict[str, Any], now: datetime) -> Candidate:
    """Fit a candidate. Rates move by a tenth at most, else the recipes of telemetry are held for people to decide."""
    if (root / ENGINES / version).exists():
        raise FtcError(f"{ENGINES}/{version} exists and engines never change; name another --version")
    told = json.dumps({"at": f"{now:%Y-%m-%dT%H:%M:%SZ}", "engine": version, **aggregates}, indent=1, sort_keys=True)
    summary = (told + "\n").encode()
    with workbench(root) as bench:
        files, cards = _measured(bench, evidence)
        engine, taught = _teach(bench, version, evidence, sha256(summary))
    if taught.admitted:
        files[RECIPES] = taught.rows
    files |= {f"{ENGINES}/{version}/{name}": content for name, content in engine.items()}
    files[f"{FOLDER}/{version}.json"] = summary
    return Candidate(version, files, len(evidence.measurements), taught, cards)


def _teach(bench: Path, version: str, evidence: Evidence, digest: str) -> tuple[dict[str, bytes], Taught]:
    """Train without telemetry's recipes and, where some are worth it, with them; the guard chooses."""
    without = train(open_repo(bench), SEED, digest)
    found = load_recipes(bench).recipes
    priors = compute_priors(found)
    old = (bench / RECIPES).read_bytes() if (bench / RECIPES).is_file() else b""
    (bench / RECIPES).write_bytes(merged(bench, RECIPES, evidence.recipes))
    known = {recipe.id: recipe for recipe in read_recipes([(bench / RECIPES, RECIPES)]).recipes}
    worth = set(guard.worth_learning(evidence.recipes, known, priors))
    ignored = len(evidence.recipes) - len(worth)
    if not worth:
        return without, Taught(ignored=ignored)
    (bench / RECIPES).write_bytes(old)
    rows = merged(bench, RECIPES, [row for row in evidence.recipes if row["id"] in worth])
    (bench / RECIPES).write_bytes(rows)
    taught = train(open_repo(bench), SEED, digest)
    before = guard.rates_of(priors, guard.engine_of(without, version))
    after = guard.rates_of(compute_priors(load_recipes(bench).recipes), guard.engine_of(taught, version))
    step, place = guard.largest_step(before, after, guard.panel())
    if step > guard.LARGEST_STEP:
        return without, Taught(held=len(worth), ignored=ignored, step=step, place=place)
    return taught, Taught(len(worth), 0, ignored, step, place, rows)


def _measured(bench: Path, evidence: Evidence) -> tuple[dict[str, bytes], Cards]:
    """Surprising peaks and the calibration that follows from them, with the terms of cards that moved."""
    if not evidence.measurements:
        return {}, {}
    before = load_calibration(bench)
    rows = merged(bench, MEASUREMENTS, evidence.measurements, needier)
    (bench / MEASUREMENTS).write_bytes(rows)
    after = fitted(open_repo(bench))
    pairs = {card: (before.cards.get(card), term) for card, term in after.cards.items()}
    moved = {card: pair for card, pair in pairs.items() if pair[0] != pair[1]}
    return {MEASUREMENTS: rows, CALIBRATION: document(after).encode()}, moved


def write(root: Path, candidate: Candidate) -> list[str]:
    """Write a candidate's files. Returns their paths."""
    for path, content in sorted(candidate.files.items()):
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.new")
        temporary.write_bytes(content)
        temporary.replace(target)
    return sorted(candidate.files)
