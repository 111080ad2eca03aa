"""The repository and short ways to ask it about memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tool.load import Repo, open_repo
from tool.memory import fit
from tool.schema.fit import FitAnswer, FitRequest

LLAMA: dict[str, Any] = {
    "model": "meta-llama/Llama-3.1-8B",
    "method": "lora",
    "framework": "transformers",
    "dtype": "bf16",
    "optimizer": "adamw",
    "lora_r": 16,
    "lora_targets": "all-linear",
    "micro_batch": 2,
    "seq_len": 2048,
    "seq_len_kind": "packed",
    "grad_checkpointing": True,
    "attention": "sdpa",
    "gpus": 1,
    "gpu": "A100-80GB",
}


@pytest.fixture(scope="session")
def repo(root: Path) -> Repo:
    """This repository, opened once."""
    return open_repo(root)


@pytest.fixture(scope="session")
def ask(repo: Repo) -> Callable[..., FitAnswer]:
    """Forecast the usual configuration with some fields changed."""

    def answer(**changes: Any) -> FitAnswer:
        return fit(repo, FitRequest.model_validate({**LLAMA, **changes}))

    return answer
