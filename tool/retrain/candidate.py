"""A candidate engine from telemetry: built in a copy of the facts, held to the guard, and only then written."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tool.errors import FtcError
from tool.learn.train import train
from tool.load import open_repo
from tool.memory.calibrate import document, fitted
from tool.memory.overhead import PATH as CALIBRATION
from tool.memory.overhead import load_calibration
from tool.policy.digests import sha256
from tool.priors import compute_priors
from tool.recipes import load_recipes
from tool.retrain import guard
from tool.retrain.evidence import Evidence
from tool.retrain.signals import FOLDER

ENGINES = "registry/engines"
RECIPES = "registry/recipes/telemetry.jsonl"
MEASUREMENTS = "registry/measurements/telemetry.jsonl"
COPIED = ("registry", "profiles", "evaluation/reserved.yaml", "requirements.lock")
SEED = 20_261_124


@dataclass
class Candidate:
    """What a retraining would write (path → bytes), and what is to be told about it."""

    version: str
    files: dict[str, bytes]
    recipes: int
    measurements: int
    held: int
    step: float
    step_at: str
    held_step: float
    bounds: dict[str, tuple[list[float], list[float]]] = field(default_factory=dict)


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


def merged(root: Path, path: str, rows: list[dict[str, Any]]) -> bytes:
    """Rows of earlier retrainings with the new ones, which win where both speak of the same."""
    known: dict[str, dict[str, Any]] = {}
    if (root / path).is_file():
        for line in (root / path).read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            known[row["id"]] = row
    known |= {str(row["id"]): row for row in rows}
    lines = [json.dumps(known[id], sort_keys=True, ensure_ascii=False, allow_nan=False) for id in sorted(known)]
    return "".join(line + "\n" for line in lines).encode()


def build(root: Path, version: str, evidence: Evidence, aggregates: dict[str, Any], now: datetime) -> Candidate:
    """Fit a candidate. Rates move by a tenth at most, else the recipes of telemetry are held for people to decide."""
    if (root / ENGINES / version).exists():
        raise FtcError(f"{ENGINES}/{version} exists and engines never change; name another --version")
    told = json.dumps({"at": f"{now:%Y-%m-%dT%H:%M:%SZ}", "engine": version, **aggregates}, indent=1, sort_keys=True)
    summary = (told + "\n").encode()
    with workbench(root) as bench:
        before = load_calibration(bench)
        recipes = merged(bench, RECIPES, evidence.recipes)
        files = _measured(bench, evidence)
        without = train(open_repo(bench), SEED, sha256(summary))
        base = guard.rates_of(_priors(bench), guard.engine_of(without, version))
        chosen, held, step, place, held_step = without, 0, 1.0, "", 1.0
        if evidence.recipes:
            (bench / RECIPES).write_bytes(recipes)
            fitted_with = train(open_repo(bench), SEED, sha256(summary))
            rates = guard.rates_of(_priors(bench), guard.engine_of(fitted_with, version))
            found, at = guard.largest_step(base, rates, guard.panel())
            if found <= guard.LARGEST_STEP:
                chosen, step, place = fitted_with, found, at
                files[RECIPES] = recipes
            else:
                held, held_step, place = len(evidence.recipes), found, at
        after = fitted(open_repo(bench))
    files |= {f"{ENGINES}/{version}/{name}": content for name, content in chosen.items()}
    files[f"{FOLDER}/{version}.json"] = summary
    bounds = {
        name: ([old.tokens, old.states], [after.bounds[name].tokens, after.bounds[name].states])
        for name, old in before.bounds.items()
        if name in after.bounds and after.bounds[name] != old and evidence.measurements
    }
    admitted = len(evidence.recipes) - held
    return Candidate(version, files, admitted, len(evidence.measurements), held, step, place, held_step, bounds)


def _measured(bench: Path, evidence: Evidence) -> dict[str, bytes]:
    """Measured peaks and the calibration that follows from them; nothing without such peaks."""
    if not evidence.measurements:
        return {}
    rows = merged(bench, MEASUREMENTS, evidence.measurements)
    (bench / MEASUREMENTS).write_bytes(rows)
    text = document(fitted(open_repo(bench))).encode()
    (bench / CALIBRATION).write_bytes(text)
    return {MEASUREMENTS: rows, CALIBRATION: text}


def _priors(root: Path) -> Any:
    return compute_priors(load_recipes(root).recipes)


def write(root: Path, candidate: Candidate) -> list[str]:
    """Write a candidate's files. Returns their paths."""
    for path, content in sorted(candidate.files.items()):
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = target.with_name(f".{target.name}.new")
        temporary.write_bytes(content)
        temporary.replace(target)
    return sorted(candidate.files)
