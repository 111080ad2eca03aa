"""What a configuration says, and which of its keys the framework does not know."""

from __future__ import annotations

from pathlib import Path

import pytest

from tool.errors import BadRequest
from tool.export import export, names
from tool.export.engine import Plan
from tool.lint.known import unknown_keys
from tool.lint.read import read
from tool.tests.export.test_round_trip import MODELS

VALUES = {"learning_rate": 1e-4, "per_device_train_batch_size": 1, "gradient_accumulation_steps": 8, "max_length": 512}
VALUES |= {"lora_r": 16, "lora_alpha": 32, "lr_scheduler_type": "cosine", "num_train_epochs": 1.0}


@pytest.mark.parametrize("name", names())
def test_an_export_has_only_known_keys(name: str, tmp_path: Path) -> None:
    """Every key that an export writes is in the list extracted from the framework's package; a typo is not."""
    done = export(name, Plan(MODELS[0], "org/rows", "sft", "lora", 1, dict(VALUES)))
    path = tmp_path / ("a.py" if name == "unsloth" else "a.yaml")
    path.write_text(done.text)
    document = read(path)
    assert document.config and not document.findings
    assert unknown_keys(name, document.config, document.lines) == []
    key = "SFTConfig.learning_rte" if name == "unsloth" else "learning_rte"
    (finding,) = unknown_keys(name, {key: 1}, {key: 3})
    assert (finding.rule, finding.line) == ("unknown-key", 3)


def test_a_file_that_is_none_is_one_clear_error(tmp_path: Path) -> None:
    """Broken YAML, a list, and broken Python are refused with the file's name."""
    for name, text in (("a.yaml", "a: [1"), ("b.yaml", "- 1"), ("c.py", "def"), ("d.ipynb", "{}")):
        (tmp_path / name).write_text(text)
        with pytest.raises(BadRequest, match=name):
            read(tmp_path / name)


def test_a_key_given_twice_is_found(tmp_path: Path) -> None:
    """YAML keeps the last of two equal keys in silence, so the reader says so."""
    (tmp_path / "a.yaml").write_text("lora_r: 8\nlora_r: 16\n")
    assert [(finding.rule, finding.line) for finding in read(tmp_path / "a.yaml").findings] == [("duplicate-key", 2)]
