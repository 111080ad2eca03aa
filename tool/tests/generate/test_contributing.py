"""What CONTRIBUTING promises: a few lines of YAML and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tool.tests.conftest import ROOT
from tool.validation import validate

TEXT = (ROOT / ".github" / "CONTRIBUTING.md").read_text()
EXAMPLES = dict(re.findall(r"<!-- example: (\S+) -->\n```yaml\n(.*?)```", TEXT, flags=re.DOTALL))
QUESTIONS = {
    "profiles/gpus/RTX-9999.yaml": ["--model", "Qwen/Qwen2.5-7B", "--task", "chat", "--gpu", "RTX-9999-48GB"],
    "registry/models/acme/Llama-3.1-8B-Support.yaml": [
        *("--model", "acme/Llama-3.1-8B-Support", "--task", "chat", "--adapter", "qlora", "--gpu", "L4")
    ],
    "registry/models/acme/tiny-llama.yaml": ["--model", "acme/tiny-llama", "--task", "chat", "--gpu", "T4"],
    "profiles/platforms/acme.yaml": ["--model", "Qwen/Qwen2.5-0.5B", "--task", "chat", "--platform", "acme"],
    "profiles/tasks/translation.yaml": ["--model", "Qwen/Qwen2.5-0.5B", "--task", "translate", "--gpu", "L4"],
}


def test_every_example_is_asked_about() -> None:
    """No example of the text goes untested."""
    assert set(EXAMPLES) == set(QUESTIONS)


@pytest.mark.parametrize("path", sorted(QUESTIONS))
def test_an_example_of_the_text_works_as_it_stands(
    path: str, repo_copy: Path, ftc: Callable[..., tuple[int, str, str]]
) -> None:
    """The file alone makes the repository valid and answers a question about the new thing."""
    target = repo_copy / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(EXAMPLES[path])
    assert [str(fault) for fault in validate(repo_copy)[1]] == []
    code, out, err = ftc("recommend", *QUESTIONS[path], "--root", repo_copy, "--output", "json")
    assert code == 0, err
    assert json.loads(out)["vram"]["verdict"] == "fits"
