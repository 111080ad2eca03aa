"""The head of a notebook says what it does, for which card, what to expect, what it was made from, how to rehearse."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from tool.render import notebook
from tool.render.rehearsal import SMALL_MODELS
from tool.tests.render import samples


def head(**changes: object) -> str:
    """The first cell of a notebook; `changes` replace fields of the context."""
    document = json.loads(notebook(samples.recommendation(), replace(samples.context(), **changes)))  # type: ignore[arg-type]
    assert document["cells"][0]["cell_type"] == "markdown"
    return "".join(document["cells"][0]["source"])


def test_purpose_card_and_memory() -> None:
    """What it teaches, the card and place, the peak, the bound and what is usable stand in the first lines."""
    text = head()
    assert text.startswith("# Instruction following: meta-llama/Llama-3.1-8B-Instruct by QLoRA")
    assert "Teaches the model to answer as the examples do" in text
    assert "| Sized for | Tesla T4, Google Colab, free |" in text
    assert "8.123 GiB allocated, at most 10.5 GiB needed of 14.56 GiB usable (fits)" in text


@pytest.mark.parametrize(
    ("hours", "per_thousand", "said"),
    [
        (3.0, 0.5, "about 3 hours |"),
        (0.5, None, "about 30 minutes |"),
        (None, 0.0167, "about 1 minute for each 1,000 rows and epoch"),
        (None, 2.5, "about 2.5 hours for each 1,000 rows and epoch"),
        (None, None, "unknown: no speed is on record for this hardware"),
    ],
)
def test_time(hours: float | None, per_thousand: float | None, said: str) -> None:
    """The time is told in words that fit its size; where rows are unknown it is told by the thousand."""
    answer = samples.recommendation().model_copy(update={"estimated_hours": hours})
    context = samples.context(hours_per_thousand_rows=per_thousand)
    text = "".join(json.loads(notebook(answer, context))["cells"][0]["source"])
    assert f"| Expected time | {said}" in text


def test_engine_confidence_and_sources() -> None:
    """The engine, what the confidence is a probability of, and each source with its digest are told."""
    text = head(provenance={"profiles/dependencies/locks/trl.txt": "0123abcd", "tool": "2026.11.0"})
    assert "| Engine | 2026.11.0 (production), strategy deterministic |" in text
    assert "| Confidence | 0.71: how likely an expert's learning rate is within a factor of two" in text
    assert "| profiles/dependencies/locks/trl.txt | `0123abcd` |" in text


@pytest.mark.parametrize(
    ("task", "kind", "columns"),
    [
        ("instruction_following", "causal_lm", ("instruction", "input", "output")),
        ("chat", "causal_lm", ("messages",)),
        ("preference", "causal_lm", ("chosen", "rejected")),
        ("classification", "sequence_classification", ("text", "label")),
        ("summarization", "seq2seq", ("dialogue", "summary")),
    ],
)
def test_dry_run(task: str, kind: str, columns: tuple[str, ...]) -> None:
    """The dry run is a JSON file whose keys are parameters of this very notebook, with the columns that it reads."""
    adapter = "full" if kind != "causal_lm" else "qlora"
    cells = json.loads(notebook(samples.recommendation(adapter), samples.context(task, model_kind=kind)))["cells"]
    text = "".join(cells[0]["source"])
    overrides = json.loads(text.split("```json\n")[1].split("```")[0])
    assert overrides["MODEL"] == SMALL_MODELS[kind]
    parameters = next("".join(cell["source"]) for cell in cells if "LEARNING_RATE = " in "".join(cell["source"]))
    assert [name for name in overrides if f"{name} = " not in parameters] == []
    assert all(f"`{name}`" in text for name in columns)
    assert "FTC_DRY_RUN=dry-run.json jupyter execute" in text
