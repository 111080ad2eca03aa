"""A small engine from end to end: trained, saved, opened, asked, attacked."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from tool.errors import FtcError, InputFaults
from tool.learn import artifacts
from tool.learn.facts import Facts
from tool.learn.fit import Fitted, fit
from tool.learn.grow import Settings
from tool.learn.serve import DETERMINISTIC, HYBRID, HYBRID_ML, Engine, open_engine
from tool.learn.train import FILES, manifest_text, served_arrays, tables_of, tables_text, write_engine
from tool.schema.engine import Artifact, TrainedOn
from tool.schema.engine import Engine as Manifest
from tool.tests.learn.made import curve, experts

CHAT = Facts("sft", "lora", "chat", "llama", 8.0, seq_len=2048, gpus=1)
AUTO = [{"kind": "sft/adapter", "chosen": HYBRID, "rows": 80, "repositories": 10, "error": {HYBRID: 0.01}}]


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    curves = [curve("a", "full", -3.5), curve("b", "full", -3.5), curve("a", "lora-r8", -2.5)]
    return fit(experts(), curves, Settings(trees=8))


@pytest.fixture(scope="module")
def root(fitted: Fitted, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with engine 1.0."""
    root = tmp_path_factory.mktemp("repo")
    write_engine(root, "1.0", files_of(fitted))
    return root


def files_of(fitted: Fitted) -> dict[str, bytes]:
    content = {
        "hp_predictor": artifacts.dump_record(fitted.records["learning_rate"]),
        "reranker": artifacts.dump_record(fitted.records["reranker"]),
        "serving": artifacts.pack_arrays(served_arrays(fitted)),
        "tables": tables_text(tables_of(fitted, AUTO)).encode(),
    }
    listed = {role: Artifact(path=FILES[role], sha256=artifacts.sha256(data)) for role, data in content.items()}
    about = TrainedOn(recipes_digest="0" * 64, rows=1, tool_version="1", seed=1)
    manifest = manifest_text(Manifest(artifacts=listed, trained_on=about))
    return {FILES[role]: data for role, data in content.items()} | {artifacts.MANIFEST: manifest.encode()}


@pytest.fixture(scope="module")
def engine(root: Path) -> Engine:
    found = open_engine(root, "1.0")
    assert found is not None
    return found


def test_experts_that_agree_are_repeated(engine: Engine) -> None:
    """Where ten repositories say 2e-4 with adapters and 2e-5 without, so does every strategy, far from sweeps."""
    for strategy in (HYBRID, HYBRID_ML):
        assert engine.values(strategy, CHAT)["learning_rate"].value == pytest.approx(2e-4, rel=0.25)
        full = engine.values(strategy, replace(CHAT, adapter="full"))
        assert full["learning_rate"].value == pytest.approx(2e-5, rel=0.25)
        assert "lora_r" not in full


def test_every_prediction_has_interval_source_and_count(engine: Engine) -> None:
    """low ≤ value ≤ high, a rule, a source, and on how many choices it rests."""
    for found in engine.values(HYBRID_ML, CHAT).values():
        assert found.low <= found.value <= found.high
        assert found.rule
        assert found.source
        assert found.n > 0


def test_measured_outcomes_outweigh_experts_near_the_swept_size(engine: Engine) -> None:
    """At 135e6 parameters the sweep's optimum wins over the experts' 2e-5, and auto says why."""
    small = Facts("sft", "full", "code", "smollm", 0.135, hidden_size=576)
    assert engine.values(HYBRID_ML, small)["learning_rate"].value > 1e-4
    assert engine.best_strategy(small) == HYBRID_ML
    assert "sweeps of" in engine.why_strategy(small)


def test_auto_reads_its_table_and_falls_back(engine: Engine) -> None:
    """The committed table decides; a kind without a score is answered deterministically."""
    assert engine.best_strategy(CHAT) == HYBRID
    assert engine.best_strategy(replace(CHAT, objective="dpo")) == DETERMINISTIC


def test_the_deterministic_strategy_needs_nothing_learned(engine: Engine) -> None:
    """Its answer is that of priors and laws."""
    assert engine.values(DETERMINISTIC, CHAT) == {}


@pytest.mark.parametrize("kind", ["seq2seq", "sequence_classification"])
def test_other_kinds_of_model_are_left_to_the_laws(engine: Engine, kind: str) -> None:
    """Published recipes here are of decoders; they say nothing of encoders."""
    other = replace(CHAT, model_kind=kind)
    assert engine.best_strategy(other) == DETERMINISTIC
    assert engine.values(HYBRID_ML, other) == {}


def test_epochs_are_left_to_the_law_where_rows_are_known(engine: Engine) -> None:
    """Recipes rarely state their rows, so they cannot teach epochs by rows."""
    assert "num_train_epochs" in engine.values(HYBRID_ML, CHAT)
    assert "num_train_epochs" not in engine.values(HYBRID_ML, replace(CHAT, rows=100))


def test_confidence_is_a_probability_that_falls_away_from_the_experts(engine: Engine) -> None:
    """Near what experts use it is higher than a thousand times off; a run that may not fit lowers it."""
    near, far = engine.confidence(CHAT, 2e-4), engine.confidence(CHAT, 2e-1)
    assert 0 <= far <= near <= 1
    assert engine.confidence(CHAT, 2e-4, fits=0.5) == pytest.approx(near / 2)


@pytest.mark.parametrize(
    "case",
    [
        replace(CHAT, family="hyena"),
        replace(CHAT, params_b=50_000.0),
        replace(CHAT, params_b=0.001),
        replace(CHAT, seq_len=10_000_000),
        replace(CHAT, objective="grpo"),
        replace(CHAT, gpus=9999),
    ],
)
def test_cases_beyond_the_data_are_seen(engine: Engine, case: Facts) -> None:
    """Family, size, length, objective and hardware that nobody published."""
    assert engine.out_of_distribution(case)


def test_cases_of_the_experts_are_left_alone(engine: Engine) -> None:
    """No expert's own case is called foreign."""
    assert not any(engine.out_of_distribution(item.facts) for item in experts())


def test_neighbours_come_with_links_one_a_repository(engine: Engine) -> None:
    """The nearest first, none twice."""
    found = engine.neighbours(CHAT)
    assert len({item.repository for item in found}) == len(found) == 5
    assert [item.likeness for item in found] == sorted((item.likeness for item in found), reverse=True)
    assert all(item.link.startswith(item.repository) for item in found)


def test_plain_data_is_read_like_facts(engine: Engine) -> None:
    """The recommender hands over plain data; a model's name tells family and tuning as it does for recipes."""
    request = {
        "objective": "sft",
        "adapter": "lora",
        "task_type": "chat",
        "model": "meta-llama/Llama-3.1-8B",
        "params_b": 8.0,
        "seq_len": 2048,
        "gpus": 1,
    }
    assert engine.values(HYBRID, request) == engine.values(HYBRID, CHAT)


def test_fitting_again_gives_the_same_answers(fitted: Fitted) -> None:
    """Same inputs, same seed: tables and arrays are the same to the byte."""
    curves = [curve("a", "full", -3.5), curve("b", "full", -3.5), curve("a", "lora-r8", -2.5)]
    again = fit(experts(), curves, Settings(trees=8))
    assert tables_text(tables_of(again, AUTO)) == tables_text(tables_of(fitted, AUTO))
    assert artifacts.pack_arrays(served_arrays(again)) == artifacts.pack_arrays(served_arrays(fitted))


def test_another_seed_gives_other_trees(fitted: Fitted) -> None:
    """The seed is used, not only recorded."""
    again = fit(experts(), [], Settings(trees=8, seed=7))
    assert not np.array_equal(
        again.predictors["learning_rate"].forest.threshold, fitted.predictors["learning_rate"].forest.threshold
    )


def copied(root: Path, tmp_path: Path) -> Path:
    folder = tmp_path / artifacts.ENGINES / "1.0"
    folder.mkdir(parents=True)
    for path in (root / artifacts.ENGINES / "1.0").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


@pytest.mark.parametrize("role", sorted(FILES))
def test_a_changed_artifact_is_never_read(root: Path, tmp_path: Path, role: str) -> None:
    """One flipped byte in any file of the engine: exit code 2, the file named, nothing answered."""
    folder = copied(root, tmp_path)
    path = folder / FILES[role]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(FtcError, match=FILES[role]) as caught:
        open_engine(tmp_path, "1.0")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("role", sorted(FILES))
def test_a_missing_artifact_is_a_clear_error(root: Path, tmp_path: Path, role: str) -> None:
    """No engine answers with a part of itself."""
    folder = copied(root, tmp_path)
    (folder / FILES[role]).unlink()
    with pytest.raises(FtcError, match="missing"):
        open_engine(tmp_path, "1.0")


def test_a_link_in_place_of_an_artifact_is_refused(root: Path, tmp_path: Path) -> None:
    """Even one that leads to the right bytes."""
    folder = copied(root, tmp_path)
    elsewhere = tmp_path / "elsewhere"
    (folder / FILES["tables"]).rename(elsewhere)
    (folder / FILES["tables"]).symlink_to(elsewhere)
    with pytest.raises(FtcError, match="regular file"):
        open_engine(tmp_path, "1.0")


def test_a_path_out_of_the_folder_is_refused(root: Path, tmp_path: Path) -> None:
    """The manifest may not reach elsewhere."""
    folder = copied(root, tmp_path)
    manifest = yaml.safe_load((folder / artifacts.MANIFEST).read_text())
    manifest["artifacts"]["tables"]["path"] = "../../../secret.json"
    (folder / artifacts.MANIFEST).write_text(yaml.safe_dump(manifest))
    with pytest.raises((FtcError, InputFaults), match=r"outside|artifacts"):
        open_engine(tmp_path, "1.0")


def test_tables_of_another_shape_are_a_clear_error(root: Path, tmp_path: Path) -> None:
    """Right digest, wrong content: still an error of the input and no traceback."""
    folder = copied(root, tmp_path)
    (folder / FILES["tables"]).write_bytes(b'{"auto": 3}')
    manifest = yaml.safe_load((folder / artifacts.MANIFEST).read_text())
    manifest["artifacts"]["tables"]["sha256"] = artifacts.sha256(b'{"auto": 3}')
    (folder / artifacts.MANIFEST).write_text(yaml.safe_dump(manifest))
    with pytest.raises(FtcError, match="shape"):
        open_engine(tmp_path, "1.0")


@pytest.mark.parametrize("version", ["9.9", "../1.0", "", ".hidden"])
def test_an_unknown_version_is_a_clear_error(root: Path, version: str) -> None:
    """With the known ones named, where the name is one at all."""
    with pytest.raises(FtcError, match="engine"):
        open_engine(root, version)


def test_no_version_is_no_engine(root: Path) -> None:
    """The recommender works without one."""
    assert open_engine(root, None) is None


def test_an_engine_is_never_overwritten(root: Path, fitted: Fitted) -> None:
    """Versions are immutable once they are written."""
    with pytest.raises(FtcError, match="never change"):
        write_engine(root, "1.0", files_of(fitted))


def test_serving_imports_no_scikit_learn(root: Path) -> None:
    """Importing it costs more CPU than a whole answer may."""
    code = (
        "import sys; from pathlib import Path; from tool.learn.serve import open_engine; "
        f"e = open_engine(Path({str(root)!r}), '1.0'); "
        "e.values('hybrid_ml', {'objective': 'sft', 'adapter': 'lora', 'params_b': 1.0}); "
        "bad = [m for m in ('sklearn', 'skops', 'scipy', 'joblib') if m in sys.modules]; "
        "sys.exit(str(bad) if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
