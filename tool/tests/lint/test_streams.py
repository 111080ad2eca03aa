"""A streamed data set has no length, unless the script makes a list of it first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tool.tests.lint.conftest import Linter

HEAD = """\
from datasets import Dataset, load_dataset
from trl import SFTConfig, SFTTrainer
stream = load_dataset("allenai/c4", "en", split="train", streaming=True)
"""
TAIL = """
trainer = SFTTrainer(model="Qwen/Qwen2.5-0.5B", train_dataset=rows, args=SFTConfig(learning_rate=2e-4))
trainer.train()
"""
ENDS = {
    "a list of some rows": "rows = Dataset.from_list(list(stream.take(1000)))",
    "some rows under a name": "some = stream.shuffle(seed=1).take(1000)\nrows = Dataset.from_list(list(some))",
    "a comprehension": "rows = Dataset.from_list([row for row in stream.take(1000)])",
    "a loop": "kept = []\nfor row in stream:\n    kept.append(row)\nrows = Dataset.from_list(kept)",
    "at once": 'rows = Dataset.from_list(list(load_dataset("x", streaming=True).take(9)))\ndel stream\nlist(stream)',
}
ENDLESS = {
    "as it comes": "rows = stream",
    "taken, which gives it no length": "rows = stream.take(1000)",
    "mapped": "rows = stream.map(str)",
    "looked at before": "print(list(stream.take(2)))\nrows = stream",
    "another one": 'first = list(stream.take(9))\nrows = load_dataset("x", split="train", streaming=True)',
    "another list": "print(list(range(3)))\nrows = stream.take(1000)",
}


def streams(text: str, linted: Linter) -> list[str]:
    return [found.rule for found in linted(text, "trl", "run.py").findings if found.rule == "endless-stream"]


@pytest.mark.parametrize("kind", ENDS)
def test_what_was_read_into_memory_has_a_length(kind: str, linted: Linter) -> None:
    """Rows that a script gathered are no stream any more."""
    assert streams(HEAD + ENDS[kind] + TAIL, linted) == []


@pytest.mark.parametrize("kind", ENDLESS)
def test_a_stream_that_trains_as_it_is_needs_steps(kind: str, linted: Linter) -> None:
    """An error where the trainer gets the stream, whatever else the script reads of it; none with max_steps."""
    text = HEAD + ENDLESS[kind] + TAIL
    assert streams(text, linted) == ["endless-stream"]
    assert streams(text.replace("2e-4", "2e-4, max_steps=100"), linted) == []


def test_our_own_script_is_clean(tmp_path: Path, ftc: Callable[..., tuple[int, str, str]]) -> None:
    """Continued pretraining streams a collection and keeps the first rows: no error in what the command writes."""
    path = tmp_path / "run.py"
    question = ("--model", "Qwen/Qwen2.5-0.5B", "--task", "continued_pretraining", "--gpu", "RTX-4090")
    assert ftc("recommend", *question, "--export", "trl-script", "--export-file", path)[0] == 0
    assert "streaming=True" in path.read_text()
    code, out, _ = ftc("lint", path)
    assert (code, "error" in out.replace("0 errors", "")) == (0, False), out
