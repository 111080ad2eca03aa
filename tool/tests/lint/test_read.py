"""Files of every kind become documents; nothing is executed, and what cannot be read is said in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tool.errors import BadRequest
from tool.lint.detect import detect
from tool.lint.read import Document, NotAConfiguration, read

SHELL = """\
#!/bin/bash
export CUDA_VISIBLE_DEVICES=0,1
MODEL=Qwen/Qwen2.5-7B-Instruct
cat <<EOF > notes.txt
swift sft --model fake
EOF
NPROC_PER_NODE=2 swift sft \\
    --model $MODEL \\
    --dataset a.jsonl b.jsonl \\
    --learning_rate=1e-4 \\
    --packing \\
    --lora_rank 8
echo done
accelerate launch --num_processes 4 train.py --bf16 --weight_decay -0.1 | tee log
"""


def document(path: Path) -> Document:
    (found,) = read(path)
    return found


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.yaml", "learning_rate: [1"),
        ("b.yaml", "- 1\n- 2\n"),
        ("c.py", "def"),
        ("d.ipynb", "{}"),
        ("e.json", "{,}"),
        ("f.sh", "echo hello\n"),
        ("g.sh", "swift sft --model 'x\n"),
        ("h.toml", "a = 1\n"),
        ("i.yaml", "? [a, b]\n: 1\n"),
        ("j.yaml", "a: " + "{b: " * 30 + "1" + "}" * 30),
    ],
)
def test_a_file_that_is_none_is_one_clear_error(name: str, text: str, tmp_path: Path) -> None:
    """Broken syntax, lists, deep nesting and files of another kind are refused without a traceback."""
    (tmp_path / name).write_text(text)
    with pytest.raises(BadRequest) as error:
        read(tmp_path / name)
    assert "\n" not in str(error.value) or name == "e.json"


def test_bytes_and_sizes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    """Another encoding, and a file of many megabytes."""
    (tmp_path / "a.yaml").write_bytes(b"a: \xff\xfe")
    (tmp_path / "b.yaml").write_text("a: 1\n" * 600_000)
    for name in ("a.yaml", "b.yaml"):
        with pytest.raises(BadRequest):
            read(tmp_path / name)


def test_yaml_keeps_paths_values_and_lines(tmp_path: Path) -> None:
    """Nested keys are joined by dots, and each knows its line; equal keys are told."""
    (tmp_path / "a.yaml").write_text("datasets:\n  - path: a\n    type: b\nlora_r: 8\nlora_r: 16\nwhen: 2024-01-01\n")
    found = document(tmp_path / "a.yaml")
    assert found.config["datasets.0.type"] == "b" and found.lines["datasets.0.type"] == 3
    assert found.config["when"] == "2024-01-01"
    assert [(finding.rule, finding.line) for finding in found.findings] == [("duplicate-key", 5)]


def test_json_is_read_with_lines(tmp_path: Path) -> None:
    """Also where it is indented with tabs, which YAML refuses."""
    (tmp_path / "a.json").write_text('{\n\t"stage": "sft",\n\t"lora_rank": 8\n}\n')
    assert document(tmp_path / "a.json").lines["lora_rank"] == 3


def test_python_calls_are_read_and_not_run(tmp_path: Path) -> None:
    """Keyword arguments with literals, constants and unpacked mappings; what is computed stays unknown."""
    text = (
        "import os\nos.abort()\nRATE = 2e-4\n"
        "config = trl.SFTConfig(learning_rate=RATE, max_length=2 * SIZE, **{'packing': True}, **more)\n"
        'model = AutoModelForCausalLM.from_pretrained("a/b", dtype=torch.bfloat16)\n'
        "tokenizer.pad_token = tokenizer.eos_token\n"
    )
    (tmp_path / "a.py").write_text(text)
    found = document(tmp_path / "a.py")
    assert found.calls and found.config["SFTConfig.learning_rate"] == 2e-4
    assert found.config["SFTConfig.packing"] is True and found.config["SFTConfig.max_length"].startswith("${")
    assert found.config["AutoModelForCausalLM.from_pretrained.model_name"] == "a/b"
    assert found.lines["SFTConfig.learning_rate"] == 4
    assert found.assigned["tokenizer.pad_token"] == (6, "tokenizer.eos_token")
    assert not any("**" in key for key in found.config)


def test_a_notebook_is_read_with_what_it_installs(tmp_path: Path) -> None:
    """Magic lines do not break the syntax, and a pinned release is remembered."""
    source = ["!pip install trl==0.22.2 'transformers==4.56.2'\n", "if True:\n", "    %time\n", "SFTConfig(bf16=True)"]
    (tmp_path / "a.ipynb").write_text(json.dumps({"cells": [{"cell_type": "code", "source": source}]}, indent=1))
    found = document(tmp_path / "a.ipynb")
    assert found.config == {"SFTConfig.bf16": True}
    line = (tmp_path / "a.ipynb").read_text().split("\n")[found.lines["SFTConfig.bf16"] - 1]
    assert "SFTConfig(bf16=True)" in line
    assert found.pins == {"trl": "0.22.2", "transformers": "4.56.2"}


def test_each_training_command_of_a_script_is_a_document(tmp_path: Path) -> None:
    """Continued lines, lists, flags, variables and the launcher's own options; text in a here-document is none."""
    (tmp_path / "run.sh").write_text(SHELL)
    swift, own = read(tmp_path / "run.sh")
    assert swift.command == "swift sft" and own.command == "train.py"
    assert swift.config["model"] == "Qwen/Qwen2.5-7B-Instruct" and swift.config["dataset"] == ["a.jsonl", "b.jsonl"]
    assert swift.config["packing"] is True and swift.config["learning_rate"] == "1e-4"
    assert swift.config["env.NPROC_PER_NODE"] == "2" and swift.config["env.CUDA_VISIBLE_DEVICES"] == "0,1"
    assert swift.lines["lora_rank"] == 12
    assert own.config["accelerate.num_processes"] == "4" and own.config["weight_decay"] == "-0.1"


@pytest.mark.parametrize(
    ("name", "text", "framework"),
    [
        ("a.yaml", "base_model: x\nsequence_len: 512\nmicro_batch_size: 1\n", "axolotl"),
        ("a.yaml", "model_name_or_path: x\nstage: sft\nfinetuning_type: lora\ncutoff_len: 512\n", "llamafactory"),
        ("a.yaml", "model_name_or_path: x\ndataset_name: y\nlearning_rate: 1\nuse_peft: true\n", "trl"),
        (
            "a.yaml",
            "model: {_component_: torchtune.models.x}\noptimizer: {_component_: torch.optim.AdamW}\n",
            "torchtune",
        ),
        ("a.yaml", "model: {model_name: x}\ntraining: {trainer_type: TRL_SFT, learning_rate: 1}\n", "oumi"),
        ("a.yaml", "model: x\ntuner_type: lora\ndataset: y\nlearning_rate: 1\n", "ms-swift"),
        ("a.sh", "trl sft --model_name_or_path x\n", "trl"),
        ("a.sh", "megatron sft --load x\n", "ms-swift"),
        ("a.py", "FastLanguageModel.from_pretrained(model_name='x')\n", "unsloth"),
        ("a.py", "DPOConfig(beta=0.1)\n", "trl"),
    ],
)
def test_the_framework_is_told_from_the_file(name: str, text: str, framework: str, tmp_path: Path) -> None:
    """By its marks, its command, the classes that it builds, or whose keys it has."""
    (tmp_path / name).write_text(text)
    assert detect(document(tmp_path / name), name) == framework


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("compose.yaml", "services:\n  web:\n    image: x\n"),
        ("workflow.yml", "name: ci\non: push\njobs: {}\n"),
        ("plain.py", "print('hello', end='')\n"),
        ("two.yaml", "a: 1\n---\nb: 2\n"),
        ("few.yaml", "seed: 1\n"),
    ],
)
def test_a_file_of_something_else_is_told_apart(name: str, text: str, tmp_path: Path) -> None:
    """A hook sees every file of a repository, and passes over those that train nothing."""
    (tmp_path / name).write_text(text)
    with pytest.raises(NotAConfiguration):
        detect(document(tmp_path / name), name)
