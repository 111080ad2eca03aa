"""Notebooks as people get them: a real question, the recommender's answer, the notebook of that very answer."""

from __future__ import annotations

import json
import os
from functools import lru_cache
from typing import Any

from tool.generate.own_notebook import own_notebook
from tool.load import Repo, open_repo
from tool.recommend import recommend
from tool.schema.recommendation import RecommendRequest
from tool.tests.notebooks import environment

PLACES = {
    "trl": {"platform": "local", "plan": "rtx-4090"},
    "trl-colab-2026-08": {"platform": "colab", "plan": "free"},
    "trl-kaggle-2026-08": {"platform": "kaggle", "plan": "t4x2", "gpus": 1},
    "trl-pascal": {"platform": "kaggle", "plan": "p100"},
    "trl-volta": {"gpu": "V100-SXM2-32GB"},
}
"""Where the notebooks of each stack run."""


@lru_cache(maxsize=1)
def repository() -> Repo:
    """This very repository."""
    return open_repo(environment.ROOT)


def made(**request: Any) -> bytes:
    """The notebook that `ftc recommend --notebook` writes for a question, sized for a card of the stack under test."""
    stack = os.environ.get("NOTEBOOK_STACK") or environment.STACK
    answer = recommend(repository(), RecommendRequest.model_validate(PLACES[stack] | request))
    assert answer.dependencies is not None
    assert answer.dependencies.stack == stack
    return own_notebook(repository(), answer)


def documented(document: bytes) -> dict[str, Any]:
    """The overrides of the dry run that the head of a notebook offers."""
    head = "".join(json.loads(document)["cells"][0]["source"])
    overrides: dict[str, Any] = json.loads(head.split("```json\n")[1].split("```")[0])
    return overrides
