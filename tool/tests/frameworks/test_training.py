"""The scripts run as they stand: each trains a small model on the CPU in its framework's own environment."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tool.cli import cli
from tool.cli.common import run
from tool.schema.run_event import RunComplete, RunStart
from tool.tests.frameworks import environments
from tool.tests.notebooks import rows

pytestmark = pytest.mark.prove

OFFLINE = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "TQDM_DISABLE": "1"}
REHEARSAL = {"MAX_STEPS": 3, "MAX_LENGTH": 96, "MICRO_BATCH": 2, "ACCUMULATION": 1, "DATASET": "rows.jsonl"}
CASES = [
    ("trl-script", "instruction_following", "lora", rows.instruction),
    ("trl-script", "preference", "full", rows.preference),
    ("unsloth", "instruction_following", "lora", rows.instruction),
    ("unsloth", "continued_pretraining", "full", rows.text),
    ("unsloth", "preference", "lora", rows.preference),
]
STACKS = {"trl-script": "trl", "unsloth": "unsloth"}


def execute(stack: str, folder: Path, *words: str, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a framework's environment, in `folder`, with no network."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    environment |= OFFLINE | {"OMP_NUM_THREADS": "1"} | extra
    command = [str(environments.python(stack)), *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """SmolLM2-135M-Instruct as each stack's transformers writes it."""
    made = {}
    for stack in STACKS.values():
        made[stack] = tmp_path_factory.mktemp(stack) / "smollm2"
        script = Path(rows.__file__).with_name("make_smollm.py")
        result = execute(stack, made[stack].parent, str(script), str(made[stack]))
        assert result.returncode == 0, result.stderr[-3000:]
    return made


def write_script(name: str, task: str, adapter: str, folder: Path) -> None:
    """What `ftc recommend --export` writes for this task."""
    words = ["recommend", "--model", "HuggingFaceTB/SmolLM2-135M-Instruct", "--task", task, "--adapter", adapter]
    words += ["--gpu", "RTX-4090", "--export", name, "--export-file", str(folder / "run.py")]
    assert run(cli, words) == 0


def events(folder: Path) -> list[dict[str, Any]]:
    """The lines of the record."""
    return [json.loads(line) for file in folder.glob("runs/*.jsonl") for line in file.read_text().splitlines()]


@pytest.mark.parametrize(
    ("name", "task", "adapter", "make"), CASES, ids=lambda value: getattr(value, "__name__", value)
)
def test_a_script_trains(
    name: str, task: str, adapter: str, make: Any, models: dict[str, Path], tmp_path: Path
) -> None:
    """Three steps on the CPU: a success on record with finite losses, valid events, and weights on the disk."""
    stack = STACKS[name]
    write_script(name, task, adapter, tmp_path)
    rows.write(tmp_path, make)
    (tmp_path / "dry-run.json").write_text(json.dumps(REHEARSAL | {"MODEL": str(models[stack])}))
    result = execute(stack, tmp_path, "run.py", FTC_DRY_RUN="dry-run.json")
    assert result.returncode == 0, result.stdout[-1500:] + result.stderr[-3000:]
    start, complete = events(tmp_path)
    RunStart.model_validate(start)
    event = RunComplete.model_validate(complete)
    assert (event.outcome, event.steps, event.dry_run) == ("success", 3, True)
    assert event.first_loss is not None
    assert event.first_loss > 0.1
    weights = "model.safetensors" if adapter == "full" else "adapter_model.safetensors"
    assert list(tmp_path.glob(f"*/{weights}"))


@pytest.mark.parametrize("name", ["trl-script", "unsloth"])
def test_a_script_stops_without_a_card(name: str, tmp_path: Path) -> None:
    """Started for real on a machine with no GPU: one sentence that says what to do, and nothing on record."""
    write_script(name, "instruction_following", "lora", tmp_path)
    result = execute(STACKS[name], tmp_path, "run.py")
    assert result.returncode == 1
    assert result.stderr.strip().splitlines()[-1].startswith("No GPU here.")
    assert "Traceback" not in result.stderr
    assert not events(tmp_path)
