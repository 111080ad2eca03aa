"""The sweep's bookkeeping: grid, order, text, resuming. Training itself is run by `make sweep`."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from tool.schema.outcome import SweepRun
from tool.sweep.__main__ import append, finished, mend
from tool.sweep.grid import read_config, runs
from tool.sweep.text import BUILDERS, digest, shuffled
from tool.sweep.train import encode, learning_rate_at

ROOT = Path(__file__).resolve().parents[3]
CONFIG = ROOT / "registry/measurements/sweeps/smollm2-135m.yaml"


def test_every_run_has_its_own_id_and_the_middle_comes_first() -> None:
    """Ids are distinct, and no end of a range is tried before every middle."""
    found = runs(read_config(CONFIG))
    assert len({run.id for run in found}) == len(found) >= 36
    first = found[: len(found) // 3]
    assert {(run.task.id, run.method.id) for run in first} == {(run.task.id, run.method.id) for run in found}
    ends = {id for run in found for id in [run.id] if run.learning_rate in _ends(run.method.learning_rates)}
    assert not ends & {run.id for run in first}


def _ends(rates: tuple[float, ...]) -> tuple[float, float]:
    return min(rates), max(rates)


def test_every_task_and_method_brackets_two_decades() -> None:
    """A grid that is too narrow finds its own edge and not the optimum."""
    for method in read_config(CONFIG).methods:
        assert math.log10(max(method.learning_rates) / min(method.learning_rates)) >= 2


def test_confirming_seeds_run_the_rates_around_the_best_alone() -> None:
    """A second seed is spent where it decides; a method that is meant for some tasks stays with them."""
    config = read_config(CONFIG)
    found = runs(config)
    again = [run for run in found if run.seed in config.confirm_seeds]
    assert again
    assert {run.learning_rate for run in again if run.method.id == "full"} == {1e-4, 3e-4}
    assert found.index(again[0]) == len(found) - len(again)
    limited = {method.id: set(method.tasks) for method in config.methods if method.tasks}
    assert limited
    for name, tasks in limited.items():
        assert {run.task.id for run in found if run.method.id == name} == tasks


def test_finished_rows_are_not_run_again_and_a_torn_one_is(tmp_path: Path) -> None:
    """A sweep that was killed while writing goes on with the torn run."""
    table = tmp_path / "t.jsonl"
    append(table, {"id": "a"})
    append(table, {"id": "b"})
    table.write_text(table.read_text() + '{"id": "c", "loss"')
    assert finished(table) == {"a", "b"}
    mend(table)
    append(table, {"id": "c"})
    assert [json.loads(line)["id"] for line in table.read_text().splitlines()] == ["a", "b", "c"]


def test_nothing_is_finished_before_the_first_run(tmp_path: Path) -> None:
    """No table is an empty one."""
    assert finished(tmp_path / "none.jsonl") == set()


@pytest.mark.parametrize("name", ["language_reference", "write_body"])
def test_text_is_real_plentiful_and_in_a_fixed_order(name: str) -> None:
    """Hundreds of distinct pairs; the order depends on their content alone."""
    pairs = BUILDERS[name]()
    assert len(set(pairs)) > 500
    assert shuffled(pairs) == shuffled(pairs[::-1])
    assert digest(shuffled(pairs)) == digest(shuffled(list(reversed(pairs))))


class Words:
    """A tokenizer of one token a word."""

    eos_token_id = 0

    def __call__(self, text: str, add_special_tokens: bool = True) -> dict[str, list[int]]:
        return {"input_ids": [len(word) for word in text.split()]}


def test_the_prompt_bears_no_loss() -> None:
    """Only the answer and its end are labelled."""
    ids, labels = encode(("one two", " ".join(["word"] * 8)), Words(), 16) or ([], [])
    assert len(ids) == len(labels) == 11
    assert labels[:2] == [-100, -100]
    assert labels[2:] == [4] * 8 + [0]


def test_an_answer_that_does_not_fit_is_left_out_and_plain_text_is_cut() -> None:
    """A cut answer would teach to stop early; continued pretraining has no answer to cut."""
    assert encode(("a b c", " ".join(["word"] * 20)), Words(), 16) is None
    assert len((encode(("", " ".join(["word"] * 20)), Words(), 16) or ([], []))[0]) == 16


def test_the_schedule_warms_up_and_ends_near_zero() -> None:
    """Linear up, linear down."""
    factors = [learning_rate_at(step, 60, 6) for step in range(60)]
    assert factors[0] == pytest.approx(1 / 6)
    assert max(factors) == factors[5] == 1.0
    assert factors[6:] == sorted(factors[6:], reverse=True)
    assert 0 < factors[-1] < 0.02


def test_the_committed_table_holds_to_its_schema_and_configuration() -> None:
    """Every row is a run of the grid, of the full length, on the text of its task."""
    config = read_config(CONFIG)
    known = {run.id for run in runs(config)}
    rows = [SweepRun.model_validate_json(line) for line in CONFIG.with_suffix(".jsonl").read_text().splitlines()]
    assert rows
    for row in rows:
        assert row.id in known
        assert row.diverged or row.steps == config.steps >= 60
        assert set(row.held_out_loss) <= {"0", *(str(step) for step in config.evaluate_at)}
    assert len({(row.task, row.text_sha256) for row in rows}) == len({row.task for row in rows})
