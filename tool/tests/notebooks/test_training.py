"""Every template trains for real: one notebook per template and adapter, on the CPU, under the notebook's own pins.

Each notebook is the recommender's answer to a question, and runs by the dry run that its own head documents; only the
model, the rows and the learning rate are local.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tool.render import notebook
from tool.schema.run_event import RunComplete, RunStart
from tool.tests.notebooks import harness, rows
from tool.tests.notebooks.documents import documented, made
from tool.tests.render import samples

pytestmark = pytest.mark.prove

CHAT_MODEL = "Qwen/Qwen2.5-0.5B-Instruct"
MODELS = {"bert": "FacebookAI/roberta-base", "t5": "google/flan-t5-base", "moe": "Qwen/Qwen3-30B-A3B"}
"""What is asked about, by the tiny model that stands in for it."""

PROOF = """
import torch
from peft import PeftModel
from transformers import {auto}

base = {auto}.from_pretrained(MODEL, dtype=torch.float32{arguments}).eval()
probe = tokenizer("The baskets of three hold", return_tensors="pt")
probe.pop("token_type_ids", None)
extra = {{"decoder_input_ids": probe["input_ids"]}} if base.config.is_encoder_decoder else {{}}
with torch.no_grad():
    before = base(**probe, **extra).logits
    trained = {load}.eval()
    after = trained(**probe, **extra).logits
print("PROOF", float((before - after).abs().max()))
"""
"""Load what was saved, from disk, and compare its logits with the base model's."""

LEARNED = re.compile(
    r"(\d+)% of the first \d+ tokens are learned|Tokens learned from in the first batch: \[(\d+)"
    r"|(\d+)% of \d+ answers can be checked|(\d+) of \d+ labels are among|Targets have (\d+) tokens"
)
"""What each kind of label check says about how much there is to learn."""

CASES = [
    ("instruction_following", "full", rows.instruction),
    ("instruction_following", "lora", rows.instruction),
    ("instruction_following", "qlora", rows.instruction),
    ("instruction_following", "dora", rows.instruction),
    ("chat", "lora", rows.messages),
    ("code", "lora", rows.code),
    ("reasoning", "lora", rows.prompt_answer),
    ("preference", "full", rows.preference),
    ("preference", "lora", rows.preference),
    ("preference", "qlora", rows.preference),
    ("continued_pretraining", "full", rows.text),
    ("continued_pretraining", "lora", rows.text),
    ("continued_pretraining", "qlora", rows.text),
]

PREFERENCE_CASES = [
    ("orpo", "full"),
    ("orpo", "lora"),
    ("orpo", "qlora"),
    ("simpo", "full"),
    ("simpo", "lora"),
    ("simpo", "qlora"),
    ("kto", "full"),
    ("kto", "lora"),
    ("kto", "qlora"),
]

TINY_CASES = [
    ("classification", "full", "bert", "AutoModelForSequenceClassification", rows.text_label),
    ("classification", "lora", "bert", "AutoModelForSequenceClassification", rows.text_label),
    ("classification", "lora", "moe", "AutoModelForSequenceClassification", rows.text_label),
    ("classification", "qlora", "moe", "AutoModelForSequenceClassification", rows.text_label),
    ("instruction_following", "lora", "moe", "AutoModelForCausalLM", rows.instruction),
    ("instruction_following", "qlora", "moe", "AutoModelForCausalLM", rows.instruction),
    ("summarization", "full", "t5", "AutoModelForSeq2SeqLM", rows.document_summary),
    ("summarization", "lora", "t5", "AutoModelForSeq2SeqLM", rows.document_summary),
    ("question_answering", "full", "t5", "AutoModelForSeq2SeqLM", rows.question_context),
    ("question_answering", "lora", "t5", "AutoModelForSeq2SeqLM", rows.question_context),
]


def proof(auto: str, adapter: str, arguments: str = "") -> str:
    """The code that loads the saved model back."""
    load = (
        f"{auto}.from_pretrained(OUTPUT_DIR, dtype=torch.float32)"
        if adapter == "full"
        else "PeftModel.from_pretrained(base, OUTPUT_DIR)"
    )
    return PROOF.format(auto=auto, load=load, arguments=arguments)


def assert_trained(folder: Path, text: str, loss_falls: bool = True) -> RunComplete:
    """Labels were learned from, the loss fell, what was saved loads and differs, and the events are valid."""
    start, complete = harness.events(folder)
    RunStart.model_validate(start)
    event = RunComplete.model_validate(complete)
    assert event.outcome == "success"
    assert event.dry_run
    assert event.final_loss is not None
    if loss_falls:
        assert event.first_loss is not None
        assert event.final_loss < event.first_loss
    assert float(text.split("PROOF ")[1].split()[0]) > 1e-4
    return event


def train_and_prove(
    document: bytes,
    adapter: str,
    model: Path,
    make: Any,
    folder: Path,
    proven: str | None = None,
    loss_falls: bool = True,
    **changes: Any,
) -> str:
    """Train by the documented dry run, with a local model and local rows; returns what the notebook printed."""
    overrides = documented(document) | {"MODEL": str(model), "DATASET": rows.write(folder, make)}
    overrides |= {"LEARNING_RATE": 1e-4 if adapter == "full" else 1e-3} | changes
    cells = harness.with_cells(document, after=proven or proof("AutoModelForCausalLM", adapter))
    text = harness.execute(cells, folder, overrides)
    assert_trained(folder, text, loss_falls)
    told = LEARNED.search(text)
    assert told is not None
    assert int(next(filter(None, told.groups()))) > 0
    return text


@pytest.mark.parametrize(("task", "adapter", "make"), CASES, ids=[f"{task}-{adapter}" for task, adapter, _ in CASES])
def test_language_model_trains(task: str, adapter: str, make: Any, smollm: Path, tmp_path: Path) -> None:
    """SmolLM2-135M learns from 48 local rows: the loss falls, the saved weights load back and change the output."""
    train_and_prove(made(model=CHAT_MODEL, task=task, adapter=adapter), adapter, smollm, make, tmp_path)


@pytest.mark.parametrize("adapter", ["full", "lora", "qlora"])
def test_a_run_that_was_cut_off_goes_on(adapter: str, smollm: Path, tmp_path: Path) -> None:
    """With RESUME, a second run starts from the checkpoint of the first and does only the steps that are left."""
    document = made(model=CHAT_MODEL, task="chat", adapter=adapter)
    changes = {"RESUME": True, "MAX_STEPS": 3}
    first = train_and_prove(document, adapter, smollm, rows.messages, tmp_path, loss_falls=False, **changes)
    assert "Starting from " + str(smollm) in first
    for path in (tmp_path / "runs").iterdir():
        path.unlink()
    changes["MAX_STEPS"] = 5
    second = train_and_prove(document, adapter, smollm, rows.messages, tmp_path, loss_falls=False, **changes)
    assert "checkpoint-3" in second
    _, complete = harness.events(tmp_path)
    assert complete["steps"] == 5
    assert sorted(path.name for path in tmp_path.glob("*/checkpoint-*")) == ["checkpoint-5"]


@pytest.mark.parametrize(("objective", "adapter"), PREFERENCE_CASES)
def test_preference_objectives_train(objective: Any, adapter: str, smollm: Path, tmp_path: Path) -> None:
    """ORPO, SimPO and KTO learn from the same pairs: the loss falls, the weights load back and change the output."""
    document = made(model=CHAT_MODEL, task="preference", objective=objective, adapter=adapter)
    train_and_prove(document, adapter, smollm, rows.preference, tmp_path)


@pytest.mark.parametrize("adapter", ["full", "lora", "qlora"])
def test_reinforcement_trains(adapter: str, smollm: Path, tmp_path: Path) -> None:
    """GRPO samples answers, rewards them and changes the weights (its loss is no measure of progress)."""
    document = made(model=CHAT_MODEL, task="reinforcement", adapter=adapter)
    text = train_and_prove(document, adapter, smollm, rows.prompt_answer, tmp_path, loss_falls=False)
    assert "100% of 46 answers can be checked" in text


@pytest.mark.parametrize(
    ("task", "adapter", "model", "auto", "make"),
    TINY_CASES,
    ids=[f"{case[0]}-{case[1]}-{case[2]}" for case in TINY_CASES],
)
def test_small_architectures_train(
    task: str, adapter: str, model: str, auto: str, make: Any, tiny: Path, tmp_path: Path
) -> None:
    """A tiny random encoder, encoder-decoder and mixture of experts learn; heads and adapters load back."""
    document = made(model=MODELS[model], task=task, adapter=adapter)
    labels = ", num_labels=len(LABELS)" if task == "classification" else ""
    changes = {"LEARNING_RATE": 5e-3, "MICRO_BATCH": 8, "MAX_STEPS": 30}
    train_and_prove(document, adapter, tiny / model, make, tmp_path, proof(auto, adapter, labels), **changes)


@pytest.mark.parametrize(("adapter", "sharding"), [("lora", "ddp"), ("full", "fsdp")])
def test_several_gpus_train_in_processes_of_their_own(adapter: str, sharding: str, tiny: Path, tmp_path: Path) -> None:
    """With two GPUs the launcher trains one process each and the rest of the notebook goes on from the disk.

    Here two processes share the CPU, where accelerate knows no FSDP: its arguments are accepted and reach the trainer,
    but that weights are really shared out takes GPUs and is not shown.
    """
    plant = """
import sys

print("CLEAN", "bitsandbytes" not in sys.modules)
plain_trainer = build_trainer


def build_trainer(micro_batch, accumulation):
    trainer = plain_trainer(micro_batch, accumulation)
    found = [str(trainer.accelerator.num_processes), str(trainer.args.fsdp_plugin_args is not None)]
    pathlib.Path("rank" + os.environ["RANK"]).write_text(" ".join(found))
    return trainer
"""
    document = notebook(samples.recommendation(adapter, sharding=sharding), samples.context(gpus=2))
    overrides = documented(document) | {"MODEL": str(tiny / "moe"), "DATASET": rows.write(tmp_path, rows.instruction)}
    after = proof("AutoModelForCausalLM", adapter) + "\nprint('TRAINER', trainer)"
    cells = harness.with_cells(document, before={"trainer = train()": plant}, after=after)
    text = harness.execute(cells, tmp_path, overrides | {"LEARNING_RATE": 5e-3, "MICRO_BATCH": 4, "MAX_STEPS": 10})
    assert_trained(tmp_path, text)
    assert "CLEAN True" in text
    assert [(tmp_path / f"rank{rank}").read_text() for rank in (0, 1)] == [f"2 {sharding == 'fsdp'}"] * 2
    assert "TRAINER None" in text
