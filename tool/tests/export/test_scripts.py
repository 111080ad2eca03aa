"""Exports that are programs: the notebooks' own cells, and safe whatever the request says."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tool.errors import BadRequest
from tool.export import export
from tool.render import notebook
from tool.tests.export.calls import calls
from tool.tests.export.plans import plan
from tool.tests.render.test_notebook import code

OBJECTIVES = ("sft", "cpt", "dpo", "orpo", "kto", "simpo", "grpo")


def blocks(text: str) -> list[str]:
    """The code cells of a script in the percent format."""
    pieces = re.split(r"(?m)^# %%( \[markdown\])?$", text)
    return [code.strip("\n") for mark, code in zip(pieces[1::2], pieces[2::2], strict=True) if not mark]


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("gpus", [1, 2])
def test_a_script_is_its_notebook(objective: str, gpus: int) -> None:
    """Every code cell is the notebook's, byte for byte, save the one that installs packages."""
    asked = plan(objective=objective, gpus=gpus)
    assert asked.source is not None
    cells = json.loads(notebook(*asked.source))["cells"]
    theirs = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    ours = blocks(export("trl-script", asked).text)
    assert len(ours) == len(theirs)
    differing = [code for code, cell in zip(ours, theirs, strict=True) if code != cell]
    assert len(differing) == 1
    assert differing[0].startswith("import importlib.metadata")


@pytest.mark.parametrize("objective", ["sft", "cpt", "dpo"])
def test_unsloth_shares_preflight_and_record(objective: str) -> None:
    """The same pre-flight, record of the run, data and training as the notebook; only the model is loaded otherwise."""
    asked = plan(objective=objective)
    plain, fast = blocks(export("trl-script", asked).text), blocks(export("unsloth", asked).text)
    for mark in ("FORECAST_GIB = {", "def record(", "def to_example(", "def build_trainer(", "trainer = train()"):
        ours, theirs = (next(code for code in cells if mark in code).splitlines() for cells in (fast, plain))
        assert [line for line in theirs if "expert" not in line] == ours, mark
    assert any("FastLanguageModel.from_pretrained(" in code for code in fast)
    text = export("unsloth", asked).text
    assert text.index("import unsloth") < text.index("from transformers")


@pytest.mark.parametrize("name", ["trl-script", "unsloth"])
@pytest.mark.parametrize(
    "evil", ["x\n# %%\nimport evil", 'x"\nimport evil\n"', "x\u2028import evil", "x\r\nimport evil"]
)
def test_no_name_becomes_code(name: str, evil: str) -> None:
    """A model's name may hold anything: it stays in its quotes and in its comment."""
    text = export(name, plan(model=evil)).text
    imported = {
        alias.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import) for alias in node.names
    }
    assert "evil" not in imported
    assert "json" in imported


@pytest.mark.parametrize(
    ("precision", "adapter", "weights"), [("fp32", "lora", "float32"), ("fp16", "full", "float32")]
)
def test_weights_are_loaded_in_the_type_that_trains(precision: str, adapter: str, weights: str) -> None:
    """fp32 has no flag of its own, and fp16 trains fp32 weights: the type that the model is loaded in tells."""
    made = calls(export("trl-script", plan(adapter=adapter, precision=precision)).text)
    assert made["AutoModelForCausalLM.from_pretrained.dtype"] == "float32"
    assert made["SFTConfig.fp16"] == (precision == "fp16")
    assert not made["SFTConfig.bf16"]


@pytest.mark.parametrize("objective", ["sft", "cpt", "dpo"])
@pytest.mark.parametrize("adapter", ["full", "lora", "qlora", "dora"])
@pytest.mark.parametrize("gpus", [1, 4])
def test_unsloth_makes_the_calls_of_its_table(objective: str, adapter: str, gpus: int) -> None:
    """The mapping table and the script's cells are two things: each argument of the one is the other's."""
    done = export("unsloth", plan(objective=objective, adapter=adapter, gpus=gpus, use_rslora=adapter == "lora"))
    made = calls(done.text)
    assert done.native.config == {key: made.get(key) for key in done.native.config}


def test_unsloth_accumulates_for_the_cards_it_does_not_use() -> None:
    """Four cards become one that accumulates four times as long: the same effective batch."""
    one = calls(export("unsloth", plan(gpus=1)).text)["SFTConfig.gradient_accumulation_steps"]
    four = calls(export("unsloth", plan(gpus=4)).text)["SFTConfig.gradient_accumulation_steps"]
    assert four == 4 * one


@pytest.mark.parametrize("name", ["trl-script", "unsloth"])
def test_a_script_needs_an_answer(name: str) -> None:
    """A plan without the answer that it came from cannot be a script: an error, no empty file."""
    with pytest.raises(BadRequest, match="rendered from an answer"):
        export(name, replace(plan(), source=None))


def test_the_command_says_which_exports_are_scripts(ftc: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    """--help tells the scripts from the configuration files; the script is written and names its framework's pins."""
    _, said, _ = ftc("recommend", "--help")
    assert "Scripts that run as they stand: trl-script, unsloth" in " ".join(said.split())
    file = tmp_path / "run.py"
    asked = ("--model", "Qwen/Qwen2.5-0.5B-Instruct", "--task", "chat", "--gpu", "RTX-4090", "--export", "unsloth")
    code, said, _ = ftc("recommend", *asked, "--export-file", str(file))
    assert (code, said) == (0, f"Unsloth script written: {file}\n")
    assert "unsloth==2026.10.9" in file.read_text()


def test_answers_of_reinforcement_are_of_one_length_everywhere() -> None:
    """The notebook, the script and the files of the frameworks sample answers of the same length, within max_length."""
    for changes, answers in (({}, 512), ({"max_length": 768}, 384), ({"max_completion_length": 300}, 300)):
        chosen = plan("grpo", **changes)
        for name in ("trl", "axolotl", "oumi", "ms-swift"):
            assert f"max_completion_length: {answers}\n" in export(name, chosen).text, name
        assert chosen.source is not None
        for text in (export("trl-script", chosen).text, code(notebook(*chosen.source))):
            assert f"MAX_COMPLETION_LENGTH = {answers} " in text
            assert "MAX_COMPLETION_LENGTH = min(MAX_COMPLETION_LENGTH, MAX_LENGTH // 2)" in text
