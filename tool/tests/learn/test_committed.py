"""Every engine of the repository: whole, small, and served from the very trees of its record."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tool.learn import artifacts
from tool.learn.fields import FIELDS
from tool.learn.serve import Engine, open_engine

ROOT = Path(__file__).resolve().parents[3]
VERSIONS = sorted(folder.name for folder in (ROOT / artifacts.ENGINES).glob("*") if (folder / "engine.yaml").is_file())


def opened(version: str) -> Engine:
    found = open_engine(ROOT, version)
    assert found is not None
    return found


def test_there_is_an_engine() -> None:
    """The first one is committed."""
    assert VERSIONS


@pytest.mark.parametrize("version", VERSIONS)
def test_an_engine_takes_at_most_two_megabytes(version: str) -> None:
    """All its files together."""
    files = (ROOT / artifacts.ENGINES / version).iterdir()
    assert sum(path.stat().st_size for path in files) <= 2_000_000


@pytest.mark.parametrize("version", VERSIONS)
def test_served_trees_are_those_of_the_record(version: str) -> None:
    """The arrays and scikit-learn's own forests agree on random cases, for every field and for the reranker."""
    engine, manifest = opened(version), artifacts.read_manifest(ROOT, version)
    record = artifacts.load_record(artifacts.read_artifact(ROOT, version, manifest, "hp_predictor"))
    assert set(record) == set(FIELDS)
    generator = np.random.default_rng(1)
    for name, model in record.items():
        cases = generator.normal(size=(200, model.n_features_in_)) * 3
        assert np.allclose(engine.predictor(name).forest.means(cases), model.predict(cases), atol=1e-9)
    reranker = artifacts.load_record(artifacts.read_artifact(ROOT, version, manifest, "reranker"))
    cases = generator.normal(size=(200, reranker.n_features_in_))
    assert np.allclose(engine.reranker.forest.means(cases), reranker.predict(cases), atol=1e-9)


@pytest.mark.parametrize("version", VERSIONS)
def test_an_engine_answers_every_field_with_a_sane_value(version: str) -> None:
    """The interval encloses the value, and a learning rate is one."""
    found = opened(version).values("hybrid_ml", {"objective": "sft", "adapter": "lora", "params_b": 8.0})
    assert set(found) == set(FIELDS)
    assert 1e-6 < found["learning_rate"].value < 1e-2
    assert all(item.low <= item.value <= item.high for item in found.values())
