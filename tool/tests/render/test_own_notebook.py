"""The notebook that a question gets is the one that the catalogue has for the same question, digests included."""

from __future__ import annotations

import pytest

from tool.generate.entries import Entry
from tool.generate.own_notebook import own_notebook
from tool.generate.plan import answer
from tool.generate.provenance import Digests
from tool.load import open_repo
from tool.recommend import Knowledge
from tool.tests.conftest import ROOT

REPO = open_repo(ROOT)
ENTRIES = [
    Entry("meta-llama/Llama-3.1-8B-Instruct", "chat", "qlora", "colab/free"),
    Entry("Qwen/Qwen2.5-7B-Instruct", "preference", "lora", "local/rtx-4090", "orpo"),
    Entry("FacebookAI/roberta-base", "classification", "full", "colab/free"),
]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.task)
def test_a_question_and_the_catalogue_give_the_same_bytes(entry: Entry) -> None:
    """Head, provenance, cells and all are equal, and the lock's digest is among what it was made from."""
    listed = answer(REPO, entry, Knowledge(), Digests(ROOT))
    (expected,) = [data for path, data in listed.files.items() if path.endswith(".ipynb")]
    assert own_notebook(REPO, listed.recommendation) == expected
    assert listed.recommendation.dependencies is not None
    assert f"profiles/dependencies/locks/{listed.recommendation.dependencies.stack}.txt".encode() in expected
