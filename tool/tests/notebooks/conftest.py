"""Small models for the notebooks, made once per session (or kept in FTC_NOTEBOOK_MODELS between sessions)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tool.tests.notebooks import harness, rows


@pytest.fixture(scope="session", autouse=True)
def interpreter() -> Path:
    """The notebook environment's Python; tells how to get it where there is none."""
    assert harness.PYTHON.exists(), (
        f"{harness.PYTHON} is missing: run `make test-notebooks`, or set FTC_NOTEBOOK_PYTHON"
    )
    return harness.PYTHON


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder for stand-in models."""
    kept = os.environ.get("FTC_NOTEBOOK_MODELS")
    return Path(kept).absolute() if kept else tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def smollm(models: Path) -> Path:
    """SmolLM2-135M-Instruct, a real small language model with a chat template."""
    folder = models / "smollm2"
    if not (folder / "tokenizer.json").exists():
        harness.run_script("make_smollm.py", str(folder))
    return folder


@pytest.fixture(scope="session")
def tiny(models: Path) -> Path:
    """Folders bert, t5 and moe with tiny random models."""
    folder = models / "tiny"
    if not (folder / "moe" / "tokenizer.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        made = [rows.instruction, rows.text_label, rows.document_summary, rows.question_context]
        for make in made:
            rows.write(folder, make)
            with (folder / "corpus.jsonl").open("a") as corpus:
                corpus.write((folder / "rows.jsonl").read_text())
        harness.run_script("make_tiny.py", str(folder / "corpus.jsonl"), str(folder))
    return folder
