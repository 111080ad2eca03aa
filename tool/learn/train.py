"""`ftc train`: recipes and sweeps → the files of one engine version."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

import yaml

from tool.learn import artifacts
from tool.learn.auto import strategy_table
from tool.learn.fit import Fitted, fit
from tool.learn.grow import Settings
from tool.learn.opinions import opinions
from tool.learn.outcomes import SWEEPS, load_curves
from tool.load import Repo
from tool.recipes import load_recipes, recipes_digest
from tool.recipes.models import family_of
from tool.schema.engine import Artifact, Engine, TrainedOn

FILES = {
    "hp_predictor": "hp_predictor.skops",
    "reranker": "reranker.skops",
    "serving": "serving.npz",
    "tables": "tables.json",
}


def train(repo: Repo, seed: int = Settings().seed, telemetry_digest: str | None = None) -> dict[str, bytes]:
    """Files of a candidate engine by name, engine.yaml among them. Pure: nothing is written."""
    settings = Settings(seed=seed)
    recipes = load_recipes(repo).recipes
    items, curves = opinions(recipes), load_curves(repo.root)
    fitted = fit(items, curves, settings, registry_families(repo))
    tables = tables_of(fitted, strategy_table(recipes, items, fitted))
    content = {
        "hp_predictor": artifacts.dump_record({name: fitted.records[name] for name in sorted(fitted.predictors)}),
        "reranker": artifacts.dump_record(fitted.records["reranker"]),
        "serving": artifacts.pack_arrays(served_arrays(fitted)),
        "tables": tables_text(tables).encode(),
    }
    manifest = Engine(
        artifacts={role: Artifact(path=FILES[role], sha256=artifacts.sha256(content[role])) for role in FILES},
        trained_on=TrainedOn(
            recipes_digest=inputs_digest(repo.root),
            telemetry_digest=telemetry_digest,
            rows=len(items),
            tool_version=installed("open-finetune-config"),
            lock_digest=_lock_digest(repo.root),
            seed=seed,
        ),
    )
    files = {FILES[role]: content[role] for role in FILES}
    return files | {artifacts.MANIFEST: manifest_text(manifest).encode()}


def registry_families(repo: Repo) -> list[str]:
    """Families of registered models, under the names that recipes use."""
    return sorted({family for id in repo.models.ids() if (family := family_of(id))})


def served_arrays(fitted: Fitted) -> dict[str, Any]:
    """Arrays of all forests, named by field."""
    arrays: dict[str, Any] = {}
    for name, predictor in fitted.predictors.items():
        arrays |= predictor.forest.arrays(name)
    return arrays | fitted.reranker.forest.arrays("reranker")


def tables_of(fitted: Fitted, auto: list[dict[str, Any]]) -> dict[str, Any]:
    """Everything small that is served, as plain data."""
    offset, slope = fitted.confidence
    return {
        "auto": auto,
        "confidence": {"offset": offset, "slope": slope},
        "neighbours": fitted.neighbours.rows,
        "optima": [item.plain() for item in fitted.optima],
        "predictors": {
            name: {
                "law_share": item.law_share,
                "level": item.level,
                "widen": item.widen,
                "rows": item.rows,
                "repositories": item.repositories,
            }
            for name, item in fitted.predictors.items()
        },
        "reach": fitted.reach.plain(),
    }


def tables_text(tables: dict[str, Any]) -> str:
    """JSON with one neighbour a line, so that a diff of two engines can be read."""
    parts = []
    for key in sorted(tables):
        value = tables[key]
        if isinstance(value, list):
            lines = ",\n".join(f"  {json.dumps(item, sort_keys=True)}" for item in value)
            parts.append(f"{json.dumps(key)}: [\n{lines}\n]" if value else f"{json.dumps(key)}: []")
        else:
            parts.append(f"{json.dumps(key)}: {json.dumps(value, sort_keys=True)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def manifest_text(manifest: Engine) -> str:
    """engine.yaml."""
    data = manifest.model_dump(exclude_none=True)
    return yaml.safe_dump(data, sort_keys=True, width=120, allow_unicode=True)


def inputs_digest(root: Path) -> str:
    """sha256 over everything that the engine was fitted to: recipes, the reserved list, and sweeps."""
    whole = hashlib.sha256(recipes_digest(root).encode())
    for path in sorted((root / SWEEPS).glob("*.*")):
        whole.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return whole.hexdigest()


def _lock_digest(root: Path) -> str | None:
    lock = root / "requirements.lock"
    return artifacts.sha256(lock.read_bytes()) if lock.is_file() else None


def write_engine(root: Path, version: str, files: dict[str, bytes]) -> list[str]:
    """Write a new version. Raises FtcError when it exists: engines never change once they are written."""
    from tool.errors import FtcError

    folder = root / artifacts.ENGINES / version
    if folder.exists():
        mend = "choose another version, or remove the folder if it was never committed"
        raise FtcError(f"{artifacts.ENGINES}/{version} exists and engines never change ({mend})")
    folder.mkdir(parents=True)
    for name in sorted(files):
        (folder / name).write_bytes(files[name])
    return [f"{artifacts.ENGINES}/{version}/{name}" for name in sorted(files)]
